"""Edits are read from a proposer's reply, and applied to numbered pieces."""

from __future__ import annotations

import json

import pytest

from workbench.search.edits import Add, Remove, Replace, apply, read

ADD = {"action": "add", "text": "Name the risks.", "after": 1, "reason": "The judge misses them."}


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps([ADD]),
        json.dumps({"edits": [ADD]}),
        json.dumps(ADD),
        f"```json\n{json.dumps([ADD], indent=2)}\n```",
        f"Here they are:\n```\n{json.dumps([ADD])}\n```\nThat is all.",
    ],
)
def test_edits_are_read_in_every_usual_form(reply: str) -> None:
    assert read(reply) == [Add(action="add", text="Name the risks.", after=1, reason="The judge misses them.")]


@pytest.mark.parametrize("reply", ['{"prompt": "Write it all anew."}', "```\nWrite it all anew.\n```"])
def test_a_rewriting_reply_is_a_whole_prompt(reply: str) -> None:
    assert read(reply) == "Write it all anew."


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I had rather not.",
        "[1, 2]",
        "null",
        '"text"',
        '{"prompt": " "}',
        '[{"action": "paint", "piece": 1}]',
        '[{"action": "add", "text": ""}]',
        '[{"action": "replace", "piece": 1}]',
        "``````",
    ],
)
def test_anything_else_is_no_edit(reply: str) -> None:
    assert read(reply) is None


def test_edits_are_applied_to_the_numbers_of_the_prompt_before() -> None:
    edits = [
        Remove(action="remove", piece=1),
        Replace(action="replace", piece=2, text="B"),
        Add(action="add", text="x", after=1),
        Add(action="add", text="y", after=0),
        Add(action="add", text="z"),
    ]
    assert apply(edits, ["a", "b", "c"]) == ["y", "x", "B", "c", "z"]


def test_edits_of_unknown_pieces_are_left_out() -> None:
    """A new piece behind an unknown one goes to the end."""
    edits = [
        Remove(action="remove", piece=9),
        Replace(action="replace", piece=0, text="B"),
        Add(action="add", text="x", after=-7),
    ]
    assert apply(edits, ["a"]) == ["a", "x"]
