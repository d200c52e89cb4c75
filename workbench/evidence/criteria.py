"""Says how well the plans of the baseline and of the best prompt meet each criterion of the rubric.

For the best prompt, it also has each answer of the judge with the words that the judge quoted from the plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from workbench.evidence.summary import Summary
from workbench.run.record import TrialRecord
from workbench.scoring import WORTH, CriterionAnswer

#: How many criteria the terminal's table names.
NAMED = 4


@dataclass(frozen=True)
class CriterionMet:
    """How well the plans for a goal meet one criterion, from 0 (no plan) to 1 (every plan).

    Attributes:
        baseline, best: the means of the two prompts; None if a prompt has no trial with answers on the goal.
        unproved: how many answers of both prompts counted as "no" because their quotes are not in the plans.
    """

    goal: str
    name: str
    baseline: float | None
    best: float | None
    unproved: int


@dataclass(frozen=True)
class PlanAnswer:
    """The judge's answer to one criterion for one plan.

    Attributes:
        replicate: the number of the trial whose plan it is.
        evidence: the words that the judge quoted from the plan, or an empty text.
        unproved: True if the answer counts as "no" because the plan does not have the quoted words.
    """

    replicate: int
    answer: CriterionAnswer
    evidence: str
    unproved: bool


@dataclass(frozen=True)
class CriterionAnswers:
    """The answers to one criterion for the best prompt's plans for a goal, in the order of the replicates."""

    goal: str
    name: str
    answers: tuple[PlanAnswer, ...]


def criteria_met(summary: Summary) -> list[CriterionMet]:
    """Return the criteria of all goals, in the order of the rubric. A judge without a rubric has none.

    The confirming trials of a prompt count. Before a prompt has such trials, its trials of the search count.
    """
    sides = [_trials_of(summary, candidate) for candidate in (summary.baseline, summary.best)]
    results = []
    for goal in summary.record.goals:
        by_side = [[trial for trial in side if trial.goal == goal.name] for side in sides]
        names = dict.fromkeys(result.name for trials in by_side for trial in trials for result in trial.criteria)
        for name in names:
            baseline, best = (_mean(trials, name) for trials in by_side)
            trials = {trial.execution: trial for side in by_side for trial in side}
            unproved = sum(
                answer.unproved for trial in trials.values() for answer in trial.criteria if answer.name == name
            )
            results.append(CriterionMet(goal.name, name, baseline, best, unproved))
    return results


def best_answers(summary: Summary) -> list[CriterionAnswers]:
    """Return the answers for the best prompt's plans, in the order of `criteria_met`.

    The trials are those that count for `criteria_met`. A criterion that was never answered for the best prompt has no
    answers.
    """
    trials = sorted(_trials_of(summary, summary.best), key=lambda trial: trial.replicate)
    return [
        CriterionAnswers(
            criterion_met.goal,
            criterion_met.name,
            tuple(
                PlanAnswer(trial.replicate, result.answer, result.evidence, result.unproved)
                for trial in trials
                if trial.goal == criterion_met.goal
                for result in trial.criteria
                if result.name == criterion_met.name
            ),
        )
        for criterion_met in criteria_met(summary)
    ]


def weakest(summary: Summary) -> str | None:
    """Return the criteria that the best prompt's plans meet least, for a line of the terminal; None if all are met."""
    known = [(criterion.best, criterion.name) for criterion in criteria_met(summary) if criterion.best is not None]
    not_met = sorted(pair for pair in known if pair[0] < 1)
    return ", ".join(f"{name} {share:.0%}" for share, name in not_met[:NAMED]) or None


def _trials_of(summary: Summary, candidate: str | None) -> list[TrialRecord]:
    trials = [trial for trial in summary.trials if trial.candidate == candidate and trial.criteria]
    return [trial for trial in trials if trial.phase == "confirm"] or trials


def _mean(trials: Sequence[TrialRecord], name: str) -> float | None:
    values = [WORTH[result.answer] for trial in trials for result in trial.criteria if result.name == name]
    return fmean(values) if values else None
