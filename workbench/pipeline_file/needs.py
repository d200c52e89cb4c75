"""Finds what a pipeline file needs before it can be executed: keys of providers, the claude program, files.

A *need* is looked for in every mapping of the file, at any depth, whether the mapping is a step or not. A need too many
costs nothing; one that is overlooked lets a rehearsal spend money, or a cached plan pass for that of a changed file.
"""

from __future__ import annotations

import yaml

from workbench.pipeline_file.document import mappings, scalar_text, value
from workbench.providers import ProviderName

#: Beginnings of a step's type, by the provider that it calls: `claude_extract` is one of Anthropic's.
STEP_PROVIDERS: dict[str, ProviderName] = {"claude": "anthropic", "gemini": "gemini"}


def providers(root: yaml.Node) -> set[ProviderName]:
    """Return the providers whose keys the steps need. The `claude` program (`via: program`) has a login of its own."""
    return {
        provider
        for mapping in mappings(root)
        for beginning, provider in STEP_PROVIDERS.items()
        if (_text(mapping, "type") or "").startswith(beginning) and _text(mapping, "via") != "program"
    }


def programs(root: yaml.Node) -> bool:
    """Return whether a step asks the `claude` program, which asks the real service: no rehearsal answers it."""
    return any(_text(mapping, "via") == "program" for mapping in mappings(root))


def files(root: yaml.Node) -> list[str]:
    """Return the paths of all parts `{type: file, path: …}`: files that prompts are made of, beside the study's inputs.

    A number is a path too: which runtime takes `path: 1_0` for a text is not known here.
    """
    paths = {_text(mapping, "path") for mapping in mappings(root) if _text(mapping, "type") == "file"}
    return sorted(path for path in paths if path)


def _text(mapping: yaml.MappingNode, key: str) -> str | None:
    return scalar_text(value(mapping, key))
