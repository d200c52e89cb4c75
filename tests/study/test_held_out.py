"""`check` says which gold plans the search does not know."""

from __future__ import annotations

from dataclasses import replace

from tests.support.settings import STUDY
from workbench.nouns import Goal
from workbench.study.held_out import held_out_gold

SEVERAL = (Goal("three", "write the plan", ("a", "b", "c")), Goal("one", "write another plan", ("d",)))


def test_gold_plans_that_are_held_out_are_counted_by_goal() -> None:
    text = held_out_gold(replace(STUDY, goals=SEVERAL))
    assert text is not None
    assert text.endswith("decide in the confirmation: three (the last 1 of 3 gold plans)")


def test_nothing_is_said_if_the_judge_reads_no_second_gold_plan() -> None:
    """A goal has one gold plan, or the judge answers the criteria of a rubric."""
    assert held_out_gold(STUDY) is None
    assert held_out_gold(replace(STUDY, goals=SEVERAL, method="rubric")) is None
