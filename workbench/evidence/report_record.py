"""Defines the report of a run as JSON: the file `report.json` in the run's folder, and the output of `--json`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from workbench.evidence.costs import Costs
from workbench.evidence.criteria import best_answers, criteria_met
from workbench.evidence.sentence import sentence
from workbench.evidence.statistics import Comparison
from workbench.evidence.summary import Status, Summary, prompt_file
from workbench.run.folder import REPORT
from workbench.run.race_record import RaceRecord
from workbench.run.record import Ending, Frozen, Record
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
        return {**{name: _rounded(value) for name, value in asdict(mean).items()}, "runs": runs}


class BaselineRecord(MeasuredRecord):
    """The starting prompt. `search_score` is the search's mean; None before it is known."""

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


class ReportRecord(Record):
    """The result of a run.

    Attributes:
        rehearsal_world: the world and the seed of a rehearsal, as `default:0`.
        real_in_rehearsal: the part that was real although models were scripted, or None.
        why: the reason of a failed run.
        sentence: the result in words, as the artifact and the table have them.
        better: True if the best prompt is better beyond chance; None before there is a result.
        passed: True if the best prompt passes; None before there is a result.
        cost: None if an older Workbench made the run.
        leaks: how each refused candidate copies a gold plan, by the candidate's name.
        criteria: empty if the judge has no rubric.
        lengths: empty if length costs nothing.
        judge: whether the judge can be trusted, or how to find out, in a sentence; None if nothing is known.
        calibration: the same as data.
        race: what a race learnt; None for other optimizers.
        ended: what ended the search.
        used_up: the part of the budget that ended the search, or None.
    """

    FILE: ClassVar[str] = REPORT

    study: str
    run_id: str
    optimizer: str
    rehearsal: bool
    rehearsal_world: str | None
    real_in_rehearsal: str | None = None
    status: Status
    why: str | None = None
    sentence: str = ""
    baseline: BaselineRecord
    best: BestRecord
    better: bool | None
    difference: DifferenceRecord | None
    passed: bool | None
    cost: CostRecord | None = None
    leaks: Annotated[dict[str, str], Field(default_factory=dict)]
    criteria: tuple[CriterionMetRecord, ...] = ()
    lengths: Annotated[dict[str, PromptLengthRecord], Field(default_factory=dict)]
    judge: str | None = None
    calibration: CalibrationReport | None = None
    race: RaceRecord | None = None
    executions: int
    cache_hits: int
    proposals: int
    verdicts: int
    failures: dict[str, int]
    seconds: float
    ended: Ending | None
    used_up: Literal["executions", "dollars"] | None = None
    flow_run_url: str | None

    @classmethod
    def of(cls, summary: Summary) -> ReportRecord:
        """Return the report of a run as it stands now."""
        comparison, result = summary.comparison, summary.result
        return cls(
            study=summary.study,
            run_id=summary.run.name,
            optimizer=summary.record.optimizer,
            rehearsal=summary.rehearsal is not None,
            rehearsal_world=summary.rehearsal,
            real_in_rehearsal=summary.real_in_rehearsal,
            status=summary.status,
            why=summary.stopped if summary.status == "failed" else None,
            sentence=sentence(summary),
            baseline=BaselineRecord(
                **MeasuredRecord.values(summary, summary.baseline),
                search_score=_rounded(summary.standings.get(summary.baseline)),
                candidate=summary.baseline,
            ),
            best=BestRecord(
                **MeasuredRecord.values(summary, summary.best),
                search_score=_rounded(result.search_score if result else summary.best_so_far),
                candidate=summary.best,
                prompt_file=prompt_file(summary) if summary.best else None,
            ),
            better=comparison.better if comparison else None,
            difference=DifferenceRecord.of(comparison) if comparison else None,
            passed=summary.passed,
            cost=None if summary.costs.unknown else CostRecord.of(summary.costs),
            leaks=summary.leaks,
            criteria=CriterionMetRecord.all_of(summary),
            lengths=PromptLengthRecord.by_side(summary),
            judge=summary.judge,
            calibration=CalibrationReport.of(summary),
            race=summary.race,
            executions=summary.executions,
            cache_hits=summary.cache_hits,
            proposals=summary.proposals,
            verdicts=summary.verdicts,
            failures=summary.failures,
            seconds=round(summary.seconds, 1),
            ended=result.ended if result else None,
            used_up=result.used_up if result and result.ended == "budget" else None,
            flow_run_url=summary.record.flow_run_url,
        )


def _rounded(score: float | None) -> float | None:
    return None if score is None else round(score, DIGITS)
