"""The difference between two prompts shows the sentences that changed."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from tests.test_sentences import PARTS
from workbench.evidence.prompt_diff import prompt_diff

PROMPTS = st.lists(st.sampled_from([*PARTS, "\t"])).map("".join) | st.text()


def test_only_the_sentences_that_changed_are_marked() -> None:
    """Both prompts are one line each."""
    old, new = "Write the plan. Be brief. Name the tests.", "Write the plan. Name the risks. Name the tests."
    assert prompt_diff(old, new, "a", "b").split("\n")[3:] == [
        " Write the plan.",
        "-Be brief.",
        "+Name the risks.",
        " Name the tests.",
    ]


def test_the_items_of_a_list_have_no_empty_lines_between_them() -> None:
    old, new = "Do:\n- one\n- two\n- three", "Do:\n- one\n- two\n\n# End"
    assert prompt_diff(old, new, "a", "b").split("\n")[3:] == [" Do:", " - one", " - two", "-- three", "+", "+# End"]


def test_prompts_that_differ_only_in_a_line_break_are_shown_line_by_line() -> None:
    assert prompt_diff("Plan. Test.", "Plan.\nTest.", "a", "b").split("\n")[3:] == ["-Plan. Test.", "+Plan.", "+Test."]


@given(PROMPTS, PROMPTS)
@example("\t\n1. ", "\t\n\n1. ")
def test_a_difference_is_empty_only_for_equal_prompts_and_invents_no_line(old: str, new: str) -> None:
    difference = prompt_diff(old, new, "a", "b")
    assert (difference == "") == (old == new)
    for sign, prompt in (("-", old), ("+", new), (" ", old)):
        shown = [line[1:] for line in difference.split("\n")[3:] if line.startswith(sign)]
        assert all(line.strip() or line in prompt.split("\n") for line in shown)
