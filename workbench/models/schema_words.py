"""Puts the JSON schema of an answer into words, for a model that takes no schema beside its prompt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_ANY = "Answer with one JSON value and nothing else: no prose, no markdown fence."
_FORM = f"{_ANY} Its JSON schema:\n\n"


def instruction(schema: Mapping[str, Any]) -> str:
    """Return the end of a prompt that asks for JSON. An empty schema stands for any JSON."""
    return _FORM + json.dumps(schema) if schema else _ANY


def schema_in(prompt: str) -> dict[str, Any] | None:
    """Return the schema at the end of a prompt, or None if the prompt asks for no JSON."""
    if prompt.endswith(_ANY):
        return {}
    _, form, schema = prompt.rpartition(_FORM)
    value = json.loads(schema) if form else None
    return value if isinstance(value, dict) else None
