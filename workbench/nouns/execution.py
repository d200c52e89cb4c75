"""Defines the types of one execution: its request, its result, and the plan in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workbench.money.price import Cost
from workbench.nouns.pipeline import Goal, Pipeline
from workbench.providers import Provider, digest

#: The first replicate number of a confirmation. No optimizer uses numbers this high.
FIRST_CONFIRM_REPLICATE = 1_000_000
#: The first replicate number of the plans of `workbench generate`. No confirmation uses numbers this high.
FIRST_EXTRA_REPLICATE = 2_000_000
#: The first replicate number of a requalification.
FIRST_REQUALIFY_REPLICATE = 3_000_000


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
