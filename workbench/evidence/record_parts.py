"""Defines the parts of the report as JSON: scores, their difference, lengths, money, criteria, and the judge."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench.evidence.costs import Costs
from workbench.evidence.criteria import best_answers, criteria_met
from workbench.evidence.statistics import Comparison
from workbench.evidence.summary import Summary
from workbench.run.file_format import Frozen
from workbench.scoring import CriterionAnswer

#: Digits after the point. A mean of scores is not more exact, and nobody wants to read 6.8999999999999995.
DIGITS = 4
#: Digits of dollars: a verdict of a small model costs a hundredth of a cent.
MONEY_DIGITS = 6


class PromptLengthRecord(Frozen):
    """The words of a prompt, and the points that it loses for them. The scores in the report are without this."""

    words: int
    penalty: float

    @classmethod
    def by_side(cls, summary: Summary) -> dict[str, PromptLengthRecord]:
        """Return the lengths of `baseline` and `best`. The dict is empty if length costs nothing in this run."""
        lengths = {"baseline": summary.length(summary.baseline), "best": summary.length(summary.best)}
        return {
            side: cls(words=length.words, penalty=round(length.penalty, DIGITS))
            for side, length in lengths.items()
            if length is not None
        }


class MeasuredRecord(Frozen):
    """A confirmed score: the mean, the ends of its interval with its level, and the number of fresh executions.

    All numbers but `runs` are None before there is a result. The interval is None with a single execution on a goal.
    """

    score: float | None
    low: float | None = None
    high: float | None = None
    level: float | None = None
    runs: int = 0

    @classmethod
    def values(cls, summary: Summary, candidate: str | None) -> dict[str, Any]:
        """Return the values of a candidate."""
        mean = None if summary.comparison is None or candidate is None else summary.mean_score(candidate)
        if mean is None or candidate is None:
            return {"score": None}
        runs = sum(len(scores) for scores in summary.confirmed(candidate).values())
        return {**{name: rounded(value) for name, value in asdict(mean).items()}, "runs": runs}


class BaselineRecord(MeasuredRecord):
    """The prompt that the search began with: the champion, or else the starting prompt of the study.

    `search_score` is the search's mean, or None before the search knows it.
    """

    search_score: float | None
    candidate: str


class BestRecord(MeasuredRecord):
    """The search's best prompt. `search_score` is the search's mean, or None before the search knows it."""

    search_score: float | None
    candidate: str | None
    prompt_file: Path | None


class DifferenceRecord(Frozen):
    """Best minus baseline: the mean, the ends of its interval with its level, and the one-sided p.

    `more` counts the further replicates of both prompts on each goal that would decide. It is None if no number up to
    100 would, or if the difference is decided.
    """

    mean: float
    low: float
    high: float
    level: float = 0.95
    p: float
    more: int | None = None

    @classmethod
    def of(cls, comparison: Comparison) -> DifferenceRecord:
        """Return the difference of a comparison as JSON has it."""
        decision = comparison.decision
        return cls(
            mean=round(decision.difference, DIGITS),
            low=round(decision.low, DIGITS),
            high=round(decision.high, DIGITS),
            level=round(decision.level, DIGITS),
            p=decision.p,
            more=decision.more,
        )


class CostRecord(Frozen):
    """The money of a run, in dollars. In a rehearsal, it is what the same tokens of real models would have cost.

    Attributes:
        dollars: the sum of all known amounts.
        generator, judge, proposer: the sums by role.
        would_have: True in a rehearsal, which costs nothing.
        unpriced: the models without a known price and the programs that tell no cost, with the number of their calls.
        prices: the versions of the price data that the amounts were computed with.
        budget: the run's budget in dollars, or None.
        overshot: how much the known amounts are above the budget.
    """

    dollars: float
    generator: float
    judge: float
    proposer: float
    would_have: bool
    unpriced: dict[str, int]
    prices: tuple[str, ...]
    budget: float | None
    overshot: float

    @classmethod
    def of(cls, costs: Costs) -> CostRecord:
        """Return the money of a run as JSON has it."""
        by_role = {role: round(amount, MONEY_DIGITS) for role, amount in costs.by_role.items()}
        return cls(
            dollars=round(costs.dollars, MONEY_DIGITS),
            **by_role,
            would_have=costs.rehearsal,
            unpriced=costs.unpriced,
            prices=costs.prices,
            budget=costs.budget,
            overshot=round(costs.overshot, MONEY_DIGITS),
        )


class PlanAnswerRecord(Frozen):
    """The judge's answer to one criterion for one plan, as `workbench.evidence.criteria.PlanAnswer` has it."""

    replicate: int
    answer: CriterionAnswer
    evidence: str
    unproved: bool


class CriterionMetRecord(Frozen):
    """How well the plans of both prompts meet a criterion, from 0 to 1, as `workbench.evidence.criteria` has it.

    `answers` are the judge's answers for the best prompt's plans.
    """

    goal: str
    name: str
    baseline: float | None
    best: float | None
    unproved: int
    answers: tuple[PlanAnswerRecord, ...] = ()

    @classmethod
    def all_of(cls, summary: Summary) -> tuple[CriterionMetRecord, ...]:
        """Return the criteria of all goals."""
        return tuple(
            cls(**asdict(met), answers=tuple(PlanAnswerRecord(**asdict(answer)) for answer in judged.answers))
            for met, judged in zip(criteria_met(summary), best_answers(summary), strict=True)
        )


class CalibrationReport(Frozen):
    """What is known about the judge, as `workbench.evidence.trust` has it.

    `calibrated` is False if there is no calibration. Then `good_enough`, `picture` and `at` (Unix time) are None, and
    `command` calibrates the judge for about `dollars`.
    """

    calibrated: bool
    good_enough: bool | None = None
    picture: Path | None = None
    at: float | None = None
    command: str | None = None
    dollars: float | None = None

    @classmethod
    def of(cls, summary: Summary) -> CalibrationReport | None:
        """Return what is known about the judge of a run, or None if nothing is known."""
        trust, record = summary.trust, summary.record
        if trust.calibration is None:
            return cls(calibrated=False, command=trust.command, dollars=trust.dollars) if trust.command else None
        good = not trust.calibration.faults(record.passing, record.calls)
        return cls(calibrated=True, good_enough=good, picture=trust.picture, at=trust.calibration.at)


def rounded(score: float | None) -> float | None:
    """Return a score as JSON has it, with DIGITS digits after the point."""
    return None if score is None else round(score, DIGITS)
