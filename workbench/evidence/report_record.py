"""Defines the report of a run as JSON: the file `report.json` in the run's folder, and the output of `--json`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.evidence.record_parts import (
    BaselineRecord,
    BestRecord,
    CalibrationReport,
    CostRecord,
    CriterionMetRecord,
    DifferenceRecord,
    MeasuredRecord,
    PromptLengthRecord,
    rounded,
)
from workbench.evidence.sentence import sentence
from workbench.evidence.summary import Status, Summary, prompt_file
from workbench.run.file_format import Record
from workbench.run.folder import REPORT
from workbench.run.race_record import RaceRecord
from workbench.run.record import Ending


class ReportRecord(Record):
    """The result of a run.

    Attributes:
        rehearsal_world: the world and the seed of a rehearsal, as `default:0`.
        real_in_rehearsal: the part that was real although models were scripted, or None.
        why: the reason of a failed run.
        sentence: the result in words, as the artifact and the table have them.
        better: True if the best prompt is better beyond chance and by `statistics.WORTHWHILE` points or more; None
            before there is a result.
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
                search_score=rounded(summary.standings.get(summary.baseline)),
                candidate=summary.baseline,
            ),
            best=BestRecord(
                **MeasuredRecord.values(summary, summary.best),
                search_score=rounded(result.search_score if result else summary.best_so_far),
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
