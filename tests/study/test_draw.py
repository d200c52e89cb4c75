"""The judge's model draws the criteria of every goal, and a used-up budget is reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.errors import BudgetUsedUp
from workbench.judging.drawing import key_of
from workbench.money.purse import Purse, opened
from workbench.nouns import DrawnCriteria, DrawRequest, Goal
from workbench.scoring import Criterion
from workbench.study.draw import drawing_of, requests

GOALS = (Goal("one", "write one", ("gold one",)), Goal("two", "write two", ("gold two",)))


def named(request: DrawRequest) -> DrawnCriteria:
    return DrawnCriteria((Criterion(request.goal.name, f"drawing {request.number}?"),))


def test_each_goal_has_criteria_of_its_own(tmp_path: Path) -> None:
    flow = Flow(draw=named)
    drawn = flow.answer(drawing_of(setting(tmp_path, goals=GOALS), 3))
    assert flow.calls["draw"] == 2
    assert drawn == {name: (Criterion(name, "drawing 3?"),) for name in ("one", "two")}


def test_a_key_holds_what_the_criteria_depend_on(tmp_path: Path) -> None:
    """The name of a goal, the judge's template and its method change nothing. A drawing has a key of its own."""
    run = setting(tmp_path, goals=GOALS)
    first, second = requests(run, 0)
    same = (
        replace(first, goal=replace(first.goal, name="x")),
        replace(first, judge=replace(first.judge, template="x", method="rubric", calls=3)),
        replace(first, run=None),
    )
    assert {key_of(request) for request in same} == {key_of(first)}
    others = (
        second,
        replace(first, number=1),
        replace(first, goal=replace(first.goal, gold=("x",))),
        replace(first, judge=replace(first.judge, model="x")),
        replace(first, judge=replace(first.judge, temperature=0.5)),
    )
    assert len({key_of(first), *map(key_of, others)}) == 6


def test_a_budget_that_is_used_up_is_reported(tmp_path: Path) -> None:
    run, purse = setting(tmp_path, goals=GOALS), Purse(1.0)

    def refused(request: DrawRequest) -> DrawnCriteria:
        purse.reserve("draw", 2.0)
        return named(request)

    with (
        opened(run.run.path, purse),
        pytest.raises(BudgetUsedUp, match=r"the budget of \$1\.00 was used up before the rubric was drawn"),
    ):
        Flow(draw=refused).answer(drawing_of(run, 0))
