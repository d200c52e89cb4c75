"""Reads the conflicts between the pieces of a prompt that the proposer names as JSON."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from workbench.search.edits import unfenced


class _Conflict(BaseModel):
    """Two pieces that contradict or repeat each other, by their numbers. The reason is for people."""

    model_config = ConfigDict(extra="ignore")

    pieces: list[int] = Field(min_length=2, max_length=2)
    reason: str = ""


_conflicts: TypeAdapter[list[_Conflict]] = TypeAdapter(list[_Conflict])


def read(reply: str, pieces: int) -> list[tuple[int, int]]:
    """Return the conflicts in a reply as pairs of the numbers of two pieces, counted from 1. Skip all other entries.

    The reply is a list, or an object with the list as `conflicts`. It may stand in a code fence.
    """
    try:
        value: Any = json.loads(unfenced(reply))
        listed = _conflicts.validate_python(value.get("conflicts", []) if isinstance(value, dict) else value)
    except ValueError:  # pydantic's ValidationError is a ValueError
        return []
    pairs = [(conflict.pieces[0], conflict.pieces[1]) for conflict in listed]
    return [
        (first, second) for first, second in pairs if first != second and {first, second} <= set(range(1, pieces + 1))
    ]
