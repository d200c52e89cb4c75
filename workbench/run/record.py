"""The formats of the files in a run's folder: one type for each file, and how a file is read as its type.

Every file names the version of its format under `schema`. In a file of lines, each line does: a run that one version of
Workbench began may be taken up again by a newer one, which then adds its own lines to the same file.

Raise a type's SCHEMA when an older Workbench would misread the new format. A new key that has a default needs no new
version, as unknown keys are ignored. A file without `schema` was written before formats had versions, and is read as
version 1.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import RunNotFound, RunTooNew
from workbench.nouns import ProgramName, Target, Trial

#: What helps if a file of a run's folder is missing or damaged.
AGAIN = "run the study again, nothing is paid twice"

Phase = Literal["search", "confirm"]
#: What ended a search: the optimizer had no more to ask, or the budget was reached.
Ending = Literal["optimizer", "budget"]
Score = Annotated[float, Field(ge=0, le=10, allow_inf_nan=False)]


class Frozen(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(
        frozen=True, strict=True, extra="ignore", validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


class Record(Frozen):
    """The content of one file, or of one line of a file of lines. FILE is the file's name in the run's folder."""

    FILE: ClassVar[str]
    SCHEMA: ClassVar[int] = 1

    def to_json(self) -> dict[str, Any]:
        """Return what is written: the version of the format, then the fields."""
        return {"schema": self.SCHEMA, **self.model_dump(mode="json")}


R = TypeVar("R", bound=Record)


def parse(kind: type[R], text: str, place: str) -> R:
    """Read the text of a file, or of one line. `place` names it in an error message.

    Raises:
        RunNotFound: the text is damaged.
        RunTooNew: a newer Workbench wrote it.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise RunNotFound(f"{place} is no JSON ({error}): {AGAIN}") from error
    schema = value.get("schema", 1) if isinstance(value, dict) else 1
    if isinstance(schema, int) and schema > kind.SCHEMA:
        raise RunTooNew(
            f"{place} has schema {schema}; expected at most {kind.SCHEMA}: "
            "a newer Workbench wrote it, so upgrade this one"
        )
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RunNotFound(f"{place} does not fit its format ({_first(error)}): {AGAIN}") from error


def _first(error: ValidationError) -> str:
    """Return the first problem: which key, what was expected, and the value that is there."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(map(str, problem["loc"]))
    value = "" if problem["type"] == "missing" else f", got {json.dumps(problem['input'], ensure_ascii=False)[:60]}"
    return f"{key}: {problem['msg']}{value}" if key else f"{problem['msg']}{value}"


class GoalRecord(Frozen):
    """A goal of the study, by name and text; its gold plans stay with the study."""

    name: str
    text: str


class RunRecord(Record):
    """What a run is, as far as its study says. It is written when the run begins, and never changed.

    Attributes:
        study: the study's name.
        study_file: where the study file was; the run's folder has a copy.
        run_id: the name of the run's folder.
        if_nothing_tried: why the optimizer may end without another prompt than the first; a sentence for the report.
        rehearsal: world and seed as `default:0`, or None where real models answer.
        real_in_rehearsal: what was real although the models were scripted, such as "the command itself"; else empty.
        baseline: the name of the starting prompt as a candidate.
        pipeline: where the pipeline file was; the run's folder has a copy. None in a run that did not keep it.
        runtime: the word for the runtime that executed; None in a run that did not keep it.
        dollars: how many dollars the whole run may cost; None for no limit.
        target: the step whose prompt was searched for; None where the prompt is the request for a plan.
        flow_run_url: where Prefect shows the run, if anywhere.
        started: Unix time.
    """

    FILE: ClassVar[str] = "run.json"

    study: str
    study_file: Path
    run_id: str
    optimizer: str
    if_nothing_tried: str = ""
    program: ProgramName
    seed: int
    budget: int
    confirm: int
    concurrency: int
    passing: float
    goals: Annotated[tuple[GoalRecord, ...], Field(min_length=1)]
    rehearsal: str | None
    real_in_rehearsal: str = ""
    baseline: str
    pipeline: Path | None = None
    runtime: str | None = None
    target: Target | None = None
    dollars: float | None = None
    flow_run_url: str | None
    started: float


class SearchResult(Record):
    """The search's best candidate by name, with the search's own scores.

    `spent` counts different executions. If `ended` is "budget", `used_up` says which part of the budget ended the
    search.
    """

    FILE: ClassVar[str] = "found.json"

    best: str
    search_score: Score
    baseline_search_score: Score
    spent: int
    ended: Ending
    used_up: Literal["executions", "dollars"] = "executions"


class TrialRecord(Record):
    """One trial. `execution` is the execution's key, empty where nothing was executed; `at` is Unix time."""

    FILE: ClassVar[str] = "trials.jsonl"

    phase: Phase
    candidate: str
    goal: str
    replicate: int
    execution: str
    score: Score
    reason: str
    at: float

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
            at=time.time(),
        )


class FailureRecord(Record):
    """Why a run does not go on."""

    FILE: ClassVar[str] = "failed.json"

    why: str
