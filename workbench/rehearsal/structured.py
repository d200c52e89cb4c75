"""A value that fits a JSON schema, made of given words: what the scripted generator answers where JSON is wanted."""

from __future__ import annotations

import random
from typing import Any

#: Schemas may refer to themselves: deeper than this, what may be left out is.
DEEP = 6


def fill(schema: dict[str, Any], words: list[str], luck: random.Random) -> Any:
    return _Filling(schema, words, luck).value(schema, 0)


class _Filling:
    def __init__(self, root: dict[str, Any], words: list[str], luck: random.Random) -> None:
        self._root, self._words, self._luck = root, words, luck

    def value(self, schema: dict[str, Any], depth: int) -> Any:
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._luck.choice(schema["enum"])
        match _type(schema):
            case "object":
                return self._object(schema, depth)
            case "array":
                return [self.value(schema.get("items") or {"type": "string"}, depth + 1) for _ in range(_many(schema))]
            case "string":
                return self._text(schema)
            case "integer" | "number" as kind:
                return self._number(schema, whole=kind == "integer")
            case "boolean":
                return self._luck.random() < 0.5
            case _:
                return None

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The first of several alternatives, with what a reference refers to in its place."""
        for _ in range(DEEP):
            if isinstance(name := schema.get("$ref"), str):
                found: Any = self._root
                for part in name.removeprefix("#/").split("/"):
                    found = found[part]
                schema = found
            elif alternatives := schema.get("anyOf") or schema.get("oneOf"):
                schema = alternatives[0]
            elif parts := schema.get("allOf"):
                schema = {name: value for part in parts for name, value in part.items()}
            else:
                break
        return schema

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        fields = schema.get("properties") or {"answer": {"type": "string"}}
        needed = schema.get("required", [])
        return {name: self.value(one, depth + 1) for name, one in fields.items() if depth < DEEP or name in needed}

    def _text(self, schema: dict[str, Any]) -> str:
        text = " ".join(self._luck.sample(self._words, min(4, len(self._words))))
        return text.ljust(schema.get("minLength", 0), ".")[: schema.get("maxLength")]

    def _number(self, schema: dict[str, Any], *, whole: bool) -> int | float:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        high = schema.get("maximum", schema.get("exclusiveMaximum", low + 10))
        middle = (float(low) + float(high)) / 2
        return round(middle) if whole else middle


def _type(schema: dict[str, Any]) -> str:
    """Gemini writes types in capitals; of several, the first that says something. Without one it is an object."""
    named = schema.get("type", "object")
    kinds = [named] if isinstance(named, str) else named
    return next((kind.lower() for kind in kinds if kind.lower() != "null"), "null")


def _many(schema: dict[str, Any]) -> int:
    least = int(schema.get("minItems", 0))
    return min(max(2, least), int(schema.get("maxItems", max(2, least))))
