"""Writes the JSON schemas of the answers of a judge's model."""

from __future__ import annotations

from typing import Any


def strict_object(properties: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schema of an object that has all of these properties, in this order, and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
