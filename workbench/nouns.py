"""Defines the data types that all packages share: goal, execution, plan, verdict, trial, study and others.

All of them are frozen and compare by value. Threads and processes can exchange them without conversion.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from workbench.money.price import Cost
from workbench.providers import Provider, ProviderName, digest
from workbench.scoring import Criterion, CriterionResult, Length

#: The first replicate number of a confirmation. No optimizer numbers its rollouts so high.
FIRST_CONFIRM_REPLICATE = 1_000_000
#: The first replicate number of what a person asks for with `workbench generate`. No confirmation numbers so high.
FIRST_EXTRA_REPLICATE = 2_000_000
#: The first replicate number of a requalification.
FIRST_REQUALIFY_REPLICATE = 3_000_000


@dataclass(frozen=True)
class Goal:
    """A goal in words, with at least one hand-written plan (`gold`) that the judge compares plans with.

    `twin` counts the earlier goals of the study with the same text and gold plans. The keys of verdicts hold it, and so
    tell such goals apart. If they held the names, a goal with a new name would buy its verdicts again.

    `criteria` are the goal's part of the study's rubric. They are empty if the judge's method needs no rubric.
    """

    name: str
    text: str
    gold: tuple[str, ...]
    twin: int = 0
    criteria: tuple[Criterion, ...] = ()


@dataclass(frozen=True)
class InputFile:
    """A file that the pipeline reads beside the prompt. The key of an execution contains its name and `sha256`."""

    name: str
    path: Path
    sha256: str

    @classmethod
    def read(cls, name: str, path: Path) -> InputFile:
        """Return the file with the hash of its current content."""
        return cls(name, path, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True)
class Target:
    """A pipeline step whose own prompt the candidate replaces.

    Attributes:
        step: the step that contains the prompt.
        output: the step whose output is the plan.
        part: which static part of the step's prompt the candidate replaces, from 1.
    """

    step: str
    output: str
    part: int = 1


@dataclass(frozen=True)
class Engine:
    """The runtime that executes the pipeline.

    Attributes:
        name: the runtime's key in `workbench.execution.runtimes.RUNTIMES`.
        settings: an object that the runtime defines. It is frozen, hashable, and small enough to be sent to other
            processes.
    """

    name: str
    settings: Hashable = None


@dataclass(frozen=True)
class Pipeline:
    """A pipeline: everything that a plan depends on, except the prompt, the goal and the models.

    Attributes:
        engine: the runtime, with its settings.
        version: the version that the runtime reported after `prepare`; empty before.
        file: the pipeline file, or None for a runtime without one.
        sha256: the hash of the pipeline file's content.
        inputs: files that the study gives to the pipeline.
        files: files that the pipeline itself consists of or names.
        target: the prompt in the pipeline file that the candidate replaces; None if the pipeline takes a prompt.
        timeout_seconds: the time limit of one execution, in seconds.
    """

    engine: Engine
    version: str = ""
    file: Path | None = None
    sha256: str = ""
    inputs: tuple[InputFile, ...] = ()
    files: tuple[InputFile, ...] = ()
    target: Target | None = None
    timeout_seconds: float = 900.0


@dataclass(frozen=True)
class ExecutionRequest:
    """A request to run the pipeline once with one prompt on one goal. `replicate` numbers repeats of the same pair.

    `candidate` (a name) and `run` (a folder) serve display and the journal. They are not part of the key.
    """

    prompt: str
    goal: Goal
    replicate: int
    pipeline: Pipeline
    providers: tuple[Provider, ...]
    candidate: str = field(default="", compare=False)
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return title(self.candidate, self.goal, self.replicate)

    @property
    def key(self) -> str:
        """Return the cache key: a hash of everything that the plan depends on, and of nothing else."""
        return digest(
            "execution/2",
            self.prompt,
            self.goal.text,
            str(self.replicate),
            self.pipeline.version,
            self.pipeline.sha256,
            *(part for item in self.pipeline.inputs for part in (item.name, item.sha256)),
            *(part for item in self.pipeline.files for part in ("file", item.name, item.sha256)),
            *(provider.label for provider in self.providers),
        )


@dataclass(frozen=True)
class Execution:
    """The result of one run of the pipeline.

    Attributes:
        key: the cache key of the request.
        path: the file that the pipeline wrote.
        text: the content of that file, stored here so that a paid result survives the loss of its folder.
        seconds: the duration of the run.
        problem: why the model's reply is no plan although the system worked (cut off, refused), or None.
        cost: what the run cost, or None if it called nothing.
        other_model: the model that answered if it is not the model that a step asked, else None. Only our own runtime
            tells it.
    """

    key: str
    text: str
    path: Path
    seconds: float
    problem: str | None = None
    cost: Cost | None = field(default=None, compare=False)
    other_model: str | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Plan:
    """A retrieved plan. `problem` is None, or a sentence that says why the text is not a valid plan."""

    text: str
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None


#: The method of judges that score a plan as a whole.
HOLISTIC = "holistic"
#: The most verdicts that make one score.
MOST_CALLS = 8


@dataclass(frozen=True)
class Judge:
    """The model that scores plans, its provider, and the full text of its prompt template.

    A temperature of None is not sent. `timeout_seconds` is the time limit of one verdict. It is not part of any key.
    `method` is a key of `workbench.judging.judge.JUDGES`. `calls` is how many verdicts make one score.
    """

    model: str
    provider: Provider
    template: str
    temperature: float | None = None
    timeout_seconds: float = field(default=300.0, compare=False)
    method: str = HOLISTIC
    calls: int = 1


@dataclass(frozen=True)
class ScoreRequest:
    """A request to score a plan against the gold plans of a goal. `replicate` numbers repeats of the same request.

    `repeat` numbers the verdicts that make one score. `candidate` (a name) and `run` (a folder) serve display and the
    journal. They are not part of the key.
    """

    goal: Goal
    judge: Judge
    replicate: int = 0
    repeat: int = 0
    candidate: str = field(default="", compare=False)
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return title(self.candidate, self.goal, self.replicate)

    def key(self, plan: Plan) -> str:
        """Return the cache key of the verdict on `plan`."""
        return digest(
            "score/1",
            plan.text,
            plan.problem or "",
            self.goal.text,
            *self.goal.gold,
            self.judge.template,
            self.judge.model,
            str(self.judge.temperature),
            self.judge.provider.label,
            str(self.replicate),
            *([f"twin {self.goal.twin}"] if self.goal.twin else []),
            *([f"method {self.judge.method}"] if self.judge.method != HOLISTIC else []),
            *(part for c in self.goal.criteria for part in ("criterion", c.name, c.question, str(c.weight))),
            *([f"repeat {self.repeat}"] if self.repeat else []),
        )

    @property
    def seed(self) -> int:
        """Return the judge's sampling seed. Goals that are twins have seeds of their own, and so have repeats."""
        return (self.replicate + self.goal.twin * 0x61C88647 + self.repeat * 0x2545F491) & 0x7FFFFFFF


@dataclass(frozen=True)
class DrawRequest:
    """A request to draw the criteria of a goal from its gold plans.

    `number` numbers the drawings of one goal. `run` (a folder) serves the journal. It is not part of the key.
    """

    goal: Goal
    judge: Judge
    number: int = 0
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return f"{self.goal.name}{f' · {self.number}' if self.number else ''}"


@dataclass(frozen=True)
class DrawnCriteria:
    """The criteria that the judge's model drew for a goal. `other_model` and `cost` are as in `Verdict`."""

    criteria: tuple[Criterion, ...]
    other_model: str | None = field(default=None, compare=False)
    cost: Cost | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Verdict:
    """The judge's score, 0 to 10, with its reason. An invalid plan scores 0, and the reason says why it is invalid.

    `other_model` is the model that answered if it is not the model that was asked, else None. `cost` is None if no
    model was called. `criteria` are the results by criterion if the judge has a rubric.
    """

    score: float
    reason: str
    other_model: str | None = field(default=None, compare=False)
    cost: Cost | None = field(default=None, compare=False)
    criteria: tuple[CriterionResult, ...] = ()


@dataclass(frozen=True)
class KeyedVerdict:
    """One answer of the judge, with its key. Equal plans share it."""

    key: str
    verdict: Verdict


#: How a trial came to its score: the judge gave it, the plan is invalid, or nothing was executed. Nothing is executed
#: for a prompt that copies a gold plan, or without a prompt. The last two outcomes score 0 without a call of the judge.
TrialOutcome = Literal["ok", "invalid plan", "not executed"]


@dataclass(frozen=True)
class Trial:
    """One measurement: the score of one candidate on one goal.

    Attributes:
        execution: the key of the execution; empty if nothing was executed.
        verdict: the mean of the judge's answers.
        verdicts: the answers; empty if nothing was executed.
    """

    candidate: str
    goal: str
    replicate: int
    execution: str
    verdict: Verdict
    outcome: TrialOutcome = "ok"
    verdicts: tuple[KeyedVerdict, ...] = ()


def title(candidate: str, goal: Goal, replicate: int) -> str:
    """Return the name of a trial as a person reads it: candidate, goal, replicate."""
    return f"{candidate} · {goal.name} · {replicate_name(replicate)}"


def replicate_name(replicate: int) -> str:
    """Return a replicate's number as a person reads it: `2` in a search, `confirm 2` in a confirmation."""
    kinds = (
        (FIRST_REQUALIFY_REPLICATE, "requalify "),
        (FIRST_EXTRA_REPLICATE, "extra "),
        (FIRST_CONFIRM_REPLICATE, "confirm "),
        (0, ""),
    )
    first, kind = next((first, kind) for first, kind in kinds if replicate >= first)
    return f"{kind}{replicate - first}"


ProgramName = Literal["direct", "writer"]
TaskRunnerName = Literal["threads", "dask", "ray"]
Promotion = Literal["ask", "auto"]
Calibration = Literal["by_hand", "before_first_run"]


@dataclass(frozen=True)
class Model:
    """A model of a provider.

    Attributes:
        temperature: the temperature that it samples with. None is not sent, so the model's own default applies.
        api_base: the address of the server that has the model, or None for the provider's own address.
    """

    provider: ProviderName
    name: str
    temperature: float | None = None
    api_base: str | None = None


@dataclass(frozen=True)
class TaskRunner:
    """Where task runs run: in `threads`, or in a cluster. `address` is None for a cluster that is the run's own."""

    name: TaskRunnerName = "threads"
    address: str | None = None


@dataclass(frozen=True)
class Study:
    """A validated study file. Every path is absolute and was readable. Every word is known.

    Attributes:
        file: the study file itself.
        name: the name of the study in runs and reports.
        goals: at least one goal; their names differ.
        pipeline: the pipeline, with hashes of its files from the time when the study was read.
        program: `direct` sends the candidate and the goal as the prompt; with `writer`, a model writes the prompt.
        prompt: the starting instructions, which are the baseline: the champion's text, if there is a champion.
        optimizer: a key of `workbench.search.catalogue.OPTIMIZERS`.
        proposer: the model that proposes prompts (and, for `writer`, writes them).
        judge: the model that scores plans.
        template: the text of the judge's prompt template.
        method: a key of `workbench.judging.judge.JUDGES`.
        calls: how many verdicts on a plan make its score.
        passing: the lowest score, 0 to 10, with which a plan passes.
        budget: how many executions the search may request; executions that confirm the result are extra.
        dollars: how many dollars the whole run may cost, the confirmation included; None for no limit.
        length: what a long prompt loses, or None if length costs nothing.
        calibrate: `before_first_run` calibrates the judge in the first run; `by_hand` leaves it to a person.
        confirm: the most pairs of fresh executions, of the baseline and of the best prompt, on every goal.
        concurrency: how many executions may run at the same time.
        seed: the seed of all random choices that Workbench makes.
        task_runner: where task runs run. The results do not depend on it.
        promote: `ask` leaves a promotion to a person; `auto` promotes a prompt that is better beyond chance.
        margin: how many points a champion may lose at a new commit and still count as good as before.
        model_timeout: the time limit of one answer of the judge or the proposer, in seconds.
        champions: the folder of the study's champions. It need not exist.
        champion: the number of the champion that is the starting prompt; None if the study's own prompt is.
    """

    file: Path
    name: str
    goals: tuple[Goal, ...]
    pipeline: Pipeline
    program: ProgramName
    prompt: str
    optimizer: str
    proposer: Model
    judge: Model
    template: str
    passing: float
    budget: int
    confirm: int
    concurrency: int
    seed: int
    promote: Promotion = "ask"
    margin: float = 0.5
    model_timeout: float = 300.0
    champions: Path = Path("prompts")
    champion: int | None = None
    dollars: float | None = None
    method: str = HOLISTIC
    calls: int = 1
    calibrate: Calibration = "by_hand"
    length: Length | None = None
    task_runner: TaskRunner = TaskRunner()

    @property
    def rubric(self) -> Path:
        """Return the file of the study's rubric. It need not exist."""
        return self.file.with_name(f"{self.name}.rubric.yaml")
