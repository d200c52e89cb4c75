"""Reads the conflicts between the pieces of a prompt that the proposer names as JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from workbench.models.text import UnusableText
from workbench.search.reply_json import entries, json_in


class _Conflict(BaseModel):
    """Two pieces that contradict or repeat each other, by their numbers.

    A reply also has reasons. Asking for them makes the model think, and nobody reads them.
    """

    model_config = ConfigDict(extra="ignore")

    pieces: list[int] = Field(min_length=2, max_length=2)


_conflict: TypeAdapter[_Conflict] = TypeAdapter(_Conflict)


def read(reply: str, pieces: int) -> list[tuple[int, int]]:
    """Return the conflicts in a reply as pairs of the numbers of two pieces, counted from 1.

    The reply is a list, or an object with the list as `conflicts`. It may stand in a code fence or between sentences.
    Entries of another form are left out.

    Args:
        pieces: how many pieces the prompt has.
    """
    try:
        value: Any = json_in(reply)
    except UnusableText:
        return []
    conflicts = entries(value.get("conflicts", []) if isinstance(value, dict) else value, _conflict)
    pairs = [(conflict.pieces[0], conflict.pieces[1]) for conflict in conflicts]
    return [
        (first, second) for first, second in pairs if first != second and {first, second} <= set(range(1, pieces + 1))
    ]
