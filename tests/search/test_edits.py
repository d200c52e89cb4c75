"""Edits are read from a proposer's reply, and applied to numbered pieces."""

from __future__ import annotations

import json

import pytest

from workbench.search.edits import Add, Edit, Remove, Replace, apply, needed, read

ADD = {"action": "add", "text": "Name the risks.", "after": 1, "reason": "The judge misses them."}


@pytest.mark.parametrize(
    "reply",
    [
        json.dumps([ADD]),
        json.dumps({"edits": [ADD]}),
        json.dumps(ADD),
        f"```json\n{json.dumps([ADD], indent=2)}\n```",
        f"Here they are:\n```\n{json.dumps([ADD])}\n```\nThat is all.",
        f"Here they are: {json.dumps([ADD])} That is all.",
        json.dumps([{"action": "paint"}, ADD, 7, {"action": "add", "text": ""}]),
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
        "[" * 100_000,
        '```json\n[{"action": "add", "text": "x",}]\n```',
    ],
)
def test_anything_else_is_no_edit(reply: str) -> None:
    assert read(reply) is None


def added(reply: str) -> Add:
    """Return the only edit of a reply, which adds a piece."""
    edits = read(reply)
    assert isinstance(edits, list)
    (edit,) = edits
    assert isinstance(edit, Add)
    return edit


@pytest.mark.parametrize("reason", [None, ["a", "list"], 7])
def test_the_reason_may_be_of_any_kind(reason: object) -> None:
    assert added(json.dumps([{**ADD, "reason": reason}])).text == "Name the risks."


def test_an_edit_may_contain_a_code_fence() -> None:
    """The inner fence does not end the outer one."""
    text = "Use this form:\n```yaml\nsteps: []\n```"
    assert added(f"```json\n{json.dumps([{'action': 'add', 'text': text}])}\n```").text == text


def test_a_text_that_cannot_be_written_is_cleaned() -> None:
    """An escape in JSON can stand for a lone surrogate."""
    assert added('[{"action": "add", "text": "\\ud800 a\\u2028b"}]').text == "\ufffd a\nb"


def test_edits_are_applied_to_the_numbers_of_the_prompt_before() -> None:
    edits: list[Edit] = [
        Remove(action="remove", piece=1),
        Replace(action="replace", piece=2, text="B"),
        Add(action="add", text="x", after=1),
        Add(action="add", text="y", after=0),
        Add(action="add", text="z"),
    ]
    assert apply(edits, ["a", "b", "c"]) == ["y", "x", "B", "c", "z"]


def test_edits_of_unknown_pieces_are_left_out() -> None:
    """A new piece behind an unknown one goes to the end."""
    edits: list[Edit] = [
        Remove(action="remove", piece=9),
        Replace(action="replace", piece=0, text="B"),
        Add(action="add", text="x", after=-7),
    ]
    assert apply(edits, ["a"]) == ["a", "x"]


@pytest.mark.parametrize(("needs", "numbers"), [([1, 2], [1, 2]), (2, [2]), (None, []), ("2", [2])])
def test_an_edit_names_the_pieces_that_its_text_needs(needs: object, numbers: list[int]) -> None:
    """Models also write one number without brackets, or null."""
    edit = added(json.dumps([{**ADD, "needs": needs}]))
    assert edit.needs == numbers
    assert needed([edit], ["a", "b"]) == ({"Name the risks.": ["ab"[n - 1] for n in numbers]} if numbers else {})


def test_needs_of_unknown_pieces_are_left_out() -> None:
    assert needed([Add(action="add", text="x", needs=[0, 1, 9])], ["a"]) == {"x": ["a"]}


def test_a_piece_that_the_prompt_has_is_not_added_again() -> None:
    assert apply([Add(action="add", text="a "), Add(action="add", text="b")], ["a", "c"]) == ["a", "c", "b"]
