"""Conflicts between pieces are read from a proposer's reply."""

from __future__ import annotations

import json

import pytest

from workbench.search.conflicts import read

CONFLICT = {"pieces": [1, 3], "problem": "contradiction", "reason": "Long and short at once."}


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps([CONFLICT]),
        json.dumps({"conflicts": [CONFLICT]}),
        json.dumps([{"pieces": [1]}, CONFLICT, 7, {"pieces": [1, 2, 3]}]),
        f"There is one: {json.dumps([CONFLICT])}",
        json.dumps([{**CONFLICT, "reason": None}]),
        f"There is one:\n```json\n{json.dumps([CONFLICT], indent=1)}\n```",
    ],
)
def test_conflicts_are_read_in_every_usual_form(reply: str) -> None:
    assert read(reply, pieces=3) == [(1, 3)]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "[]",
        "none",
        "null",
        "[1]",
        '[{"pieces": [1]}]',
        '[{"pieces": [2, 2]}]',
        '[{"pieces": [1, 4]}]',
        "{}",
        "[" * 100_000,
    ],
)
def test_anything_else_is_no_conflict(reply: str) -> None:
    """A pair of a piece with itself or with an unknown piece says nothing."""
    assert read(reply, pieces=3) == []
