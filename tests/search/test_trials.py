"""Tests of trials: goals are told apart by name, and a trial that cannot be written ends the search."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.flow import Flow, judge
from tests.support.settings import setting
from workbench.errors import OutsideError
from workbench.nouns import Goal, Plan, ScoreRequest, Verdict
from workbench.run.record import TrialRecord
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization

ONE_TEXT = (Goal("senior", "write the plan", ("gold",)), Goal("junior", "write the plan", ("other gold",)))


def judge_by_goal(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return another verdict for each goal."""
    return replace(judge(request, plan), score=6.0 if request.goal.name == "senior" else 3.0)


@pytest.mark.parametrize("optimizer", ["static", "bootstrap"])
def test_two_goals_with_one_text_share_executions_and_not_verdicts(tmp_path: Path, optimizer: str) -> None:
    """Each goal has its own trials and scores, in the search and in the confirmation."""
    flow = Flow(score=judge_by_goal)
    run = setting(tmp_path, goals=ONE_TEXT, optimizer=optimizer, budget=6)
    outcome = flow.answer(optimization(run))
    assert outcome.baseline.score == 4.5
    executions = flow.calls["execute"]
    assert executions == len({trial.execution for trial in run.run.lines(TrialRecord)}) <= 6
    confirm = Flow(score=judge_by_goal)
    trials = confirm.answer(confirmation(run, outcome, [3], lambda: True))
    assert Counter(trial.goal for trial in trials) == {"senior": 3, "junior": 3}
    assert {(trial.goal, trial.verdict.score) for trial in trials} == {("senior", 6.0), ("junior", 3.0)}
    assert (confirm.calls["execute"], confirm.calls["score"]) == (3, 6)


@pytest.mark.parametrize("optimizer", ["static", "bootstrap", "simba"])
@pytest.mark.parametrize("place", ["trials.jsonl", "candidates"])
def test_a_trial_that_cannot_be_written_ends_the_search(tmp_path: Path, optimizer: str, place: str) -> None:
    """An optimizer would take the error for a failed trial, and buy further executions."""
    flow = Flow()
    run = setting(tmp_path, optimizer=optimizer)
    if place == "trials.jsonl":
        (run.run.path / place).mkdir()
    else:
        (run.run.path / place).rmdir()
        (run.run.path / place).write_text("")
    with pytest.raises(OutsideError, match=f"{place}.* cannot be written"):
        flow.answer(optimization(run))
    assert flow.calls["execute"] <= (1 if place == "trials.jsonl" else 0)


def test_held_out_gold_plans_decide(tmp_path: Path) -> None:
    """The judge of the search has the first half of the gold plans, and the judge of the confirmation the others."""

    def judge_by_gold(request: ScoreRequest, plan: Plan) -> Verdict:
        asked.add((request.goal.name, request.goal.gold))
        return judge(request, plan)

    asked: set[tuple[str, tuple[str, ...]]] = set()
    goals = (Goal("three", "write the plan", ("a", "b", "c")), Goal("one", "write another plan", ("d",)))
    run = setting(tmp_path, goals=goals, optimizer="static")
    outcome = Flow(score=judge_by_gold).answer(optimization(run))
    assert asked == {("three", ("a", "b")), ("one", ("d",))}
    asked.clear()
    Flow(score=judge_by_gold).answer(confirmation(run, outcome, [3], lambda: True))
    assert asked == {("three", ("c",)), ("one", ("d",))}
