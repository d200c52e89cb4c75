"""The difference between two prompts shows the sentences that changed."""

from __future__ import annotations

from workbench.evidence.prompt_diff import prompt_diff


def test_only_the_sentences_that_changed_are_marked() -> None:
    """Both prompts are one line each."""
    old, new = "Write the plan. Be brief. Name the tests.", "Write the plan. Name the risks. Name the tests."
    assert prompt_diff(old, new, "a", "b").split("\n")[3:] == [
        " Write the plan.",
        "-Be brief.",
        "+Name the risks.",
        " Name the tests.",
    ]


def test_prompts_that_differ_only_in_a_line_break_are_not_the_same() -> None:
    """Equal prompts have an empty difference."""
    assert prompt_diff("Plan. Test.", "Plan.\nTest.", "a", "b") != ""
    assert prompt_diff("Plan.\n\n- one\n", "Plan.\n\n- one\n", "a", "b") == ""
