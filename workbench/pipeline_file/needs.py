"""Finds what a pipeline file needs before it can be executed: keys of providers, the claude program, files.

This module searches every mapping of the file for a *need*, at any depth, even in mappings that are no steps. A need
that is found by mistake costs nothing. An overlooked need lets a rehearsal spend money, or returns a cached plan for a
changed file.
"""

from __future__ import annotations

import yaml

from workbench.pipeline_file.document import mappings, scalar_text, value
from workbench.provider_table import ProviderName

#: The provider that a step calls, by the beginning of the step's type: `claude_extract` calls Anthropic.
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
    """Return True if a step asks the `claude` program. That program asks the real service, even in a rehearsal."""
    return any(_text(mapping, "via") == "program" for mapping in mappings(root))


def files(root: yaml.Node) -> list[str]:
    """Return the paths of all parts `{type: file, path: …}`. Prompts contain these files beside the study's inputs.

    A number is a path, too: this function does not know which runtime reads `path: 1_0` as a text.
    """
    paths = {_text(mapping, "path") for mapping in mappings(root) if _text(mapping, "type") == "file"}
    return sorted(path for path in paths if path)


def _text(mapping: yaml.MappingNode, key: str) -> str | None:
    return scalar_text(value(mapping, key))
