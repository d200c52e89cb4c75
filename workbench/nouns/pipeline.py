"""Defines the types of what is optimised: goal, pipeline, and the runtime that executes it."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass, replace
from pathlib import Path

from workbench.scoring import Criterion


@dataclass(frozen=True)
class Goal:
    """A goal in words, with at least one hand-written plan (`gold`) that the judge compares plans with.

    `twin` counts the earlier goals of the study with the same text and gold plans. It is part of a verdict's key, so
    that such goals have verdicts of their own. With the goal's name in the key, a goal that gets a new name would buy
    its verdicts again.

    Of several gold plans, the second half of the list (rounded down) is held out: the search does not know these plans,
    and they decide in the confirmation. So a prompt that fits one gold plan and no other wins nothing.

    `criteria` are the goal's part of the study's rubric. They are empty if the judge's method needs no rubric.
    """

    name: str
    text: str
    gold: tuple[str, ...]
    twin: int = 0
    criteria: tuple[Criterion, ...] = ()

    @property
    def held_out(self) -> tuple[str, ...]:
        """Return the gold plans that the search does not know; empty if there is only one gold plan."""
        return self.gold[(len(self.gold) + 1) // 2 :]

    @property
    def in_search(self) -> Goal:
        """Return the goal as the judge of a search gets it: without the gold plans that are held out."""
        return replace(self, gold=self.gold[: len(self.gold) - len(self.held_out)])

    @property
    def in_confirmation(self) -> Goal:
        """Return the goal as the judge of a confirmation gets it: only with the gold plans that are held out."""
        return replace(self, gold=self.held_out or self.gold)


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
