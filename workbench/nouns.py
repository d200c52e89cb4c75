"""The nouns that everything shares: goal, candidate, execution, plan, verdict, trial.

All of them are frozen, compare by value, and travel between threads and processes as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from workbench.providers import Provider, ProviderName, digest

#: Replicates from here on are for confirmation: no optimizer numbers its rollouts so high.
FIRST_CONFIRM_REPLICATE = 1_000_000


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

    @classmethod
    def read(cls, name: str, path: Path) -> InputFile:
        """Return the file with the hash of its present content."""
        return cls(name, path, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True)
class Target:
    """The step whose prompt the candidate is (its `part`-th static part, from 1), and the step that puts out plans."""

    step: str
    output: str
    part: int = 1


@dataclass(frozen=True)
class Engine:
    """The runtime that executes, by its word in `workbench.execution.runtimes.RUNTIMES`, and its settings.

    `settings` is an object of the runtime's own: frozen, hashable, and small enough to travel to other processes.
    """

    name: str
    settings: Hashable = None


@dataclass(frozen=True)
class Pipeline:
    """What an execution executes, and everything outside of the prompt that its plan depends on.

    Attributes:
        engine: the runtime, with its settings.
        version: what the runtime said of itself when it was prepared; empty before.
        file: the pipeline file, None for a runtime that has none.
        sha256: the hash of that file's content.
        inputs: files that the study gives to the pipeline.
        files: files that the pipeline itself consists of or names.
        target: the prompt in the pipeline file whose place the candidate takes; None where the pipeline takes a prompt.
        timeout_seconds: the longest time for one execution.
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


ProgramName = Literal["direct", "writer"]


@dataclass(frozen=True)
class Model:
    """A model of a provider; `temperature` is what it samples with."""

    provider: ProviderName
    name: str
    temperature: float


@dataclass(frozen=True)
class Study:
    """One study file, validated: every path is absolute and was readable, every word is a known one.

    Attributes:
        file: the study file itself.
        name: what runs and reports call it.
        goals: at least one; their names differ.
        pipeline: what is executed, with the content of its files as it was when the study was read.
        program: `direct` sends the candidate and the goal as the prompt; `writer` has a model write the prompt.
        prompt: the starting instructions: the baseline.
        optimizer: a word of `workbench.search.catalogue.OPTIMIZERS`.
        proposer: who proposes prompts (and, for `writer`, writes them).
        judge: who scores plans.
        template: the text of the judge's prompt template.
        passing: the score, 0 to 10, from which a plan passes.
        budget: executions that the search may ask for; those that confirm its result come on top.
        confirm: fresh replicates of baseline and best on every goal, at least 3.
        concurrency: executions at once.
        seed: of everything random on our side.
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
