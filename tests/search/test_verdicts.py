"""Several verdicts on a plan make one."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.nouns import Plan, ScoreRequest, Verdict
from workbench.run.record import TrialRecord
from workbench.scoring import CriterionResult
from workbench.search.optimization import optimization
from workbench.search.verdicts import mean_verdict


def noisy(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return another verdict for each repeat."""
    score = (6.0, 9.0, 6.6)[request.repeat]
    return Verdict(score, f"repeat {request.repeat}", criteria=(CriterionResult("c", "yes", "stages"),))


def test_a_score_is_the_mean_of_the_judges_calls(tmp_path: Path) -> None:
    """The trial has the reason and the criteria of the verdict that is nearest to the mean."""
    run = setting(tmp_path, calls=3, budget=1)
    flow = Flow(score=noisy)
    outcome = flow.answer(optimization(run))
    assert outcome.baseline.score == 7.2
    assert flow.calls == Counter(execute=1, retrieve=1, score=3)
    (trial,) = run.run.lines(TrialRecord)
    assert (trial.score, trial.reason) == (7.2, "repeat 2")
    assert [(result.name, result.answer, result.evidence) for result in trial.criteria] == [("c", "yes", "stages")]


def test_of_verdicts_equally_far_from_the_mean_the_first_gives_the_reason() -> None:
    assert mean_verdict([Verdict(4.0, "low"), Verdict(6.0, "high")]) == Verdict(5.0, "low")
