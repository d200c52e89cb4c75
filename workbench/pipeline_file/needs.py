"""What a pipeline file tells of itself before it is executed: whose keys its steps need, and which files it reads.

Whether it is a good one is the runtime's to judge: of what cannot be read here, nothing is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from workbench.providers import ProviderName

#: Beginnings of a step's type, by the provider that it calls: `claude_extract` is one of Anthropic's.
STEP_PROVIDERS: dict[str, ProviderName] = {"claude": "anthropic", "gemini": "gemini"}


def providers(text: str) -> set[ProviderName]:
    """Whose keys the steps need. The `claude` program (`via: program`) has a login of its own."""
    return {
        provider
        for part in _mappings(text)
        for beginning, provider in STEP_PROVIDERS.items()
        if str(part.get("type", "")).startswith(beginning) and part.get("via") != "program"
    }


def programs(text: str) -> bool:
    """Whether a step asks the `claude` program, which goes where it likes: no rehearsal answers it."""
    return any(part.get("via") == "program" for part in _mappings(text))


def files(text: str) -> list[str]:
    """The files that prompts are made of, apart from the study's inputs: the paths of parts `{type: file, path: …}`."""
    parts = [part for part in _mappings(text) if part.get("type") == "file"]
    return sorted({part["path"] for part in parts if isinstance(part.get("path"), str)})


def _mappings(text: str) -> Iterator[dict[Any, Any]]:
    """Every mapping in the file, at any depth."""
    try:
        waiting = [yaml.safe_load(text)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        # An alias may stand for what it is in.
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict):
            yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
