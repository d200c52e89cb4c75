"""Make a JSON value that fits a schema, for the scripted generator."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

#: From this depth on, optional fields are left out, because a schema may refer to itself.
MAX_DEPTH = 6


def fill(schema: Mapping[str, Any], words: list[str], rng: random.Random) -> Any:
    """Return a value that fits the schema. Its texts are made of `words`."""
    return _SchemaFiller(schema, words, rng).value(schema, 0)


class _SchemaFiller:
    """Make values for the parts of one schema. References are resolved in `root`."""

    def __init__(self, root: Mapping[str, Any], words: list[str], rng: random.Random) -> None:
        self._root, self._words, self._rng = root, words, rng

    def value(self, schema: Mapping[str, Any], depth: int) -> Any:
        """Return a value that fits a part of the schema. `depth` is the number of levels around the part."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._rng.choice(schema["enum"])
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return [
                    self.value(schema.get("items") or {"type": "string"}, depth + 1) for _ in range(_length(schema))
                ]
            case "string":
                return self._text(schema)
            case "integer" | "number" as kind:
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._rng.random() < 0.5
            case _:
                return None

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the plain schema: follow references, take the first alternative, merge the parts of an `allOf`."""
        for _ in range(MAX_DEPTH):
            if isinstance(name := schema.get("$ref"), str):
                target: Any = self._root
                for part in name.removeprefix("#/").split("/"):
                    target = target[part]
                schema = target
            elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
                schema = alternatives[0]
            elif parts := schema.get("allOf"):
                schema = {name: value for part in parts for name, value in part.items()}
            else:
                break
        return schema

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        fields = schema.get("properties") or {"answer": {"type": "string"}}
        required = schema.get("required", [])
        return {
            name: self.value(field, depth + 1)
            for name, field in fields.items()
            if depth < MAX_DEPTH or name in required
        }

    def _text(self, schema: Mapping[str, Any]) -> str:
        text = " ".join(self._rng.sample(self._words, min(4, len(self._words))))
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def _number(self, schema: Mapping[str, Any], *, whole: bool) -> int | float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10))
        middle = (float(low) + float(high)) / 2
        return round(middle) if whole else middle


def _type(schema: Mapping[str, Any]) -> str:
    """Return the type of a schema in small letters. Gemini writes types in capitals.

    If there are several types, return the first that is not null. A schema without a type describes an object.
    """
    declared = schema.get("type", "object")
    kinds = [declared] if isinstance(declared, str) else declared
    return next((kind.lower() for kind in kinds if kind.lower() != "null"), "null")


def _length(schema: Mapping[str, Any]) -> int:
    """Return the length of an array, as close to two as the schema allows."""
    min_items = int(schema.get("minItems", 0))
    return min(max(2, min_items), int(schema.get("maxItems", max(2, min_items))))
