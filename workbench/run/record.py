"""Defines the formats of the files in a run's folder: one type for each file."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from workbench.nouns import KeyedVerdict, ProgramName, Target, Trial, TrialOutcome
from workbench.run.file_format import Frozen, Record
from workbench.scoring import CriterionAnswer

Phase = Literal["search", "confirm"]
#: What a record of a run describes: a search or requalification, a calibration of a judge, or a drawing of a rubric.
RunKind = Literal["search", "calibration", "rubric"]
#: The reason for the end of a search: the optimizer had nothing more to ask, or the budget was reached.
Ending = Literal["optimizer", "budget"]
Score = Annotated[float, Field(ge=0, le=10)]
#: A Unix time up to the year 9999, the last that has a date.
UnixTime = Annotated[float, Field(ge=0, lt=253_402_300_800)]
#: No run may have more pairs on a goal. Today, a study allows far fewer, and old versions allowed more.
MOST_RECORDED_PAIRS = 1000


class GoalRecord(Frozen):
    """The name and the text of a goal. The goal's gold plans stay with the study."""

    name: str
    text: str


class LengthRecord(Frozen):
    """What a long prompt loses, as `workbench.scoring.Length` has it."""

    free: int
    per_100_words: float


class RunRecord(Record):
    """The facts about a run that its study determines. It is written when the run begins, and never changed.

    Attributes:
        kind: "calibration" for `workbench calibrate`, and "rubric" for `workbench rubric`.
        searches: True if the run searches for a better prompt, and False if it only measures something, as requalify
            measures the champion. None in runs of old versions.
        study: the study's name.
        study_file: the path of the study file. The run's folder has a copy of the file.
        run_id: the name of the run's folder.
        if_nothing_tried: a sentence for the report: why the optimizer may end without trying a second prompt.
        confirm: the most pairs of fresh executions that the gate may buy on each goal.
        alpha: the accepted risk of calling a prompt better that is not. None in runs of old versions, which bought all
            pairs at once.
        rehearsal: world and seed as `default:0`, or None if real models answer.
        real_in_rehearsal: the part that was real although models were scripted, such as "the command itself"; or empty.
        baseline: the name of the starting prompt as a candidate.
        champion: the number of the champion that is the starting prompt; None for the study's own starting prompt.
        pipeline: the path of the pipeline file. The run's folder has a copy. None in runs of old versions.
        runtime: the name of the runtime that executed the pipeline. None in runs of old versions.
        dollars: how many dollars the whole run may cost; None for no limit.
        calls: how many verdicts on a plan make its score.
        length: what a long prompt loses, or None if length costs nothing.
        calibration: the name of the folder under WORKBENCH_HOME/calibrated that a calibration of the judge for the gold
            plans of the run has or would have. None in runs of old versions.
        calibration_dollars: the estimated cost of such a calibration when the run began; None if it was not known.
        target: the step whose prompt was optimised. None if the prompt is the request for a plan.
        models: the names of the study's own models as PROVIDER/NAME, by role.
        commit: the commit that was checked out in the repository of the study file; None outside of a repository.
        fingerprint: a hash of everything that scores depend on, except the prompt (workbench.champion.qualification).
        champions: the folder of the study's champions; None in runs of old versions.
        flow_run_url: the address at which Prefect shows the run, or None.
        started: Unix time.
    """

    FILE: ClassVar[str] = "run.json"

    kind: RunKind = "search"
    searches: bool | None = None
    study: str
    study_file: Path
    run_id: str
    optimizer: str
    if_nothing_tried: str = ""
    program: ProgramName
    seed: int
    budget: int
    confirm: Annotated[int, Field(ge=1, le=MOST_RECORDED_PAIRS)]
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = None
    concurrency: int
    passing: float
    goals: Annotated[tuple[GoalRecord, ...], Field(min_length=1)]
    rehearsal: str | None
    real_in_rehearsal: str = ""
    baseline: str
    champion: int | None = None
    pipeline: Path | None = None
    runtime: str | None = None
    target: Target | None = None
    models: dict[str, str] = Field(default_factory=dict)
    commit: str | None = None
    fingerprint: str | None = None
    champions: Path | None = None
    dollars: float | None = None
    calls: int = 1
    length: LengthRecord | None = None
    calibration: str | None = None
    calibration_dollars: Annotated[float, Field(ge=0)] | None = None
    flow_run_url: str | None
    started: UnixTime

    @property
    def own_study_file(self) -> Path:
        """Return the user's own study file. It is missing if the study's repository has a URL.

        A run that measures a commit reads the study in a worktree, which is removed at the end. The champions stand
        beside the user's own file.
        """
        return self.study_file if self.champions is None else self.champions.parents[1] / self.study_file.name

    @property
    def own_pipeline(self) -> Path | None:
        """Return the user's own pipeline file, which stands to the study file as the measured one did."""
        if self.pipeline is None or self.pipeline.exists() or not self.study_file.is_absolute():
            return self.pipeline
        relative = os.path.relpath(self.pipeline, self.study_file.parent)
        return Path(os.path.normpath(self.own_study_file.parent / relative))


class SearchResult(Record):
    """The search's best candidate.

    Attributes:
        best: the candidate's name.
        search_score, baseline_search_score: scores of the search itself, for the best candidate and the baseline.
        spent: the number of different executions.
        used_up: the part of the budget that ended the search, if `ended` is "budget".
    """

    FILE: ClassVar[str] = "found.json"

    best: str
    search_score: Score
    baseline_search_score: Score
    spent: int
    ended: Ending
    used_up: Literal["executions", "dollars"] = "executions"

    def used_budget(self, executions: int) -> bool:
        """Return True if the search used up its budget, also if the optimizer needed exactly so many executions."""
        return self.ended == "budget" or self.spent >= executions


class CriterionRecord(Frozen):
    """How a plan meets one criterion, as `workbench.scoring.CriterionResult` has it."""

    name: str
    answer: CriterionAnswer
    evidence: str = ""
    unproved: bool = False


class VerdictRecord(Frozen):
    """One answer of the judge: its key and its score. `reason` is None if it is the reason of the trial."""

    key: str
    score: Score
    reason: str | None = None

    @classmethod
    def of(cls, keyed: KeyedVerdict, reason: str) -> VerdictRecord:
        """Return the record of an answer in a trial with this reason."""
        verdict = keyed.verdict
        return cls(key=keyed.key, score=verdict.score, reason=None if verdict.reason == reason else verdict.reason)


class TrialRecord(Record):
    """One trial.

    Attributes:
        execution: the execution's key; empty if nothing was executed.
        criteria: the results by criterion, if the judge has a rubric.
        outcome: how the trial came to its score; None in runs of old versions.
        verdicts: the answers of the judge that the score is the mean of; None in runs of old versions.
        at: Unix time.
    """

    FILE: ClassVar[str] = "trials.jsonl"

    phase: Phase
    candidate: str
    goal: str
    replicate: Annotated[int, Field(ge=0)]
    execution: str
    score: Score
    reason: str
    outcome: TrialOutcome | None = None
    verdicts: tuple[VerdictRecord, ...] | None = None
    at: UnixTime
    criteria: tuple[CriterionRecord, ...] = ()

    @classmethod
    def of(cls, phase: Phase, trial: Trial) -> TrialRecord:
        """Return the record of a trial that has just ended."""
        return cls(
            phase=phase,
            candidate=trial.candidate,
            goal=trial.goal,
            replicate=trial.replicate,
            execution=trial.execution,
            score=trial.verdict.score,
            reason=trial.verdict.reason,
            outcome=trial.outcome,
            verdicts=tuple(VerdictRecord.of(keyed, trial.verdict.reason) for keyed in trial.verdicts),
            at=time.time(),
            criteria=tuple(CriterionRecord(**asdict(result)) for result in trial.verdict.criteria),
        )


class LeakRecord(Record):
    """A candidate that was refused because it copies a gold plan, and a sentence that says how."""

    FILE: ClassVar[str] = "leaks.jsonl"

    candidate: str
    why: str


class AnswerRecord(Record):
    """One answer that the run needs. It is written before the answer is bought.

    Attributes:
        task: the task that gives the answer.
        candidate, goal, replicate: what an execution or a verdict was asked for; None for a proposal, and in runs of
            old versions. A drawing of criteria has a goal and no candidate.
    """

    FILE: ClassVar[str] = "answers.jsonl"

    task: Literal["propose", "execute", "score", "draw"]
    key: str
    candidate: str | None = None
    goal: str | None = None
    replicate: int | None = None


class PromotedRecord(Record):
    """The champion that the run's best prompt became: its number, its file, and the time in UTC."""

    FILE: ClassVar[str] = "promoted.json"

    number: int
    file: Path
    date: str


class FailureRecord(Record):
    """The reason why a run stopped."""

    FILE: ClassVar[str] = "failed.json"

    why: str
