"""The nouns that everything shares: goal, candidate, execution, plan, verdict, trial.

All of them are frozen, compare by value, and travel between threads and processes as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.providers import Provider, digest

#: Replicates from here on are for confirmation: no optimizer numbers its rollouts so high.
FRESH = 1_000_000


@dataclass(frozen=True)
class Goal:
    """What a plan is wanted for, with the hand-written plans that it is measured against (at least one)."""

    name: str
    text: str
    gold: tuple[str, ...]


@dataclass(frozen=True)
class InputFile:
    """A file that the pipeline reads beside the prompt; `sha256` of its content stands in the execution's key."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Target:
    """The step whose prompt the candidate is (its `part`-th static part, from 1), and the step that puts out plans."""

    step: str
    output: str
    part: int = 1


@dataclass(frozen=True)
class Engine:
    """Which runtime executes: a word of `workbench.execution.runtime.RUNTIMES`, and where it is if it is not ours.

    Attributes:
        url: the address of one that runs elsewhere.
        checkout: the folder of one that is the user's.
        target: what of its pipeline the candidate is; without one, the request that a plan is generated for.
    """

    name: str
    url: str | None = None
    checkout: Path | None = None
    target: Target | None = None


@dataclass(frozen=True)
class Pipeline:
    """Which pipeline file, executed by what. `version` says which executor it really is, whoever starts it.

    `inputs` are given by the study, `files` are named by the pipeline file itself.
    """

    engine: Engine
    version: str
    file: Path
    sha256: str
    inputs: tuple[InputFile, ...] = ()
    files: tuple[InputFile, ...] = ()
    timeout_seconds: float = 900.0


@dataclass(frozen=True)
class ExecutionRequest:
    """One run of the pipeline: this prompt, for this goal, for the `replicate`-th time.

    `candidate` and `run` name it for people and appear in no key.
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
        """Everything that the plan depends on, and nothing else."""
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
    """What the pipeline wrote. `text` is the file's content, kept here so that a paid result outlives its folder.

    `problem` is None, or says why the reply is no plan although the system worked (cut off, refused).
    """

    key: str
    text: str
    path: Path
    seconds: float
    problem: str | None = None


@dataclass(frozen=True)
class Plan:
    """A retrieved plan: `problem` is None, or a sentence that says why this text is not one."""

    text: str
    problem: str | None = None

    @property
    def ok(self) -> bool:
        return self.problem is None


@dataclass(frozen=True)
class Judge:
    """Who scores: the model, where it is, and the prompt template (its text, whole)."""

    model: str
    provider: Provider
    template: str
    temperature: float = 0.0


@dataclass(frozen=True)
class ScoreRequest:
    """One verdict wanted: this plan against this goal's gold plans, by this judge, for the `replicate`-th time."""

    goal: Goal
    judge: Judge
    replicate: int = 0
    candidate: str = field(default="", compare=False)
    run: Path | None = field(default=None, compare=False)

    @property
    def title(self) -> str:
        return title(self.candidate, self.goal, self.replicate)

    def key(self, plan: Plan) -> str:
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
        )


@dataclass(frozen=True)
class Verdict:
    """The judge's score, 0 to 10, with its reason. A plan that is none has 0, and its reason says why."""

    score: float
    reason: str


@dataclass(frozen=True)
class Trial:
    """Execution, plan and verdict together: what one candidate was worth on one goal, once."""

    candidate: str
    goal: str
    replicate: int
    execution: str
    verdict: Verdict


def title(candidate: str, goal: Goal, replicate: int) -> str:
    """What a person reads of a trial: candidate, goal, replicate."""
    return f"{candidate} · {goal.name} · {replicate}"
