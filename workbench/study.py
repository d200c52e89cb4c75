"""What to optimise: one frozen object, read once at the edge by `workbench.loader`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.providers import ProviderName
from workbench.trial import Engine, Goal, InputFile

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
        engine: what executes the pipeline.
        pipeline: the pipeline file that the runtime executes.
        pipeline_sha256: of its content, as it was when the study was read.
        pipeline_files: the files that it names itself, as far as they are there.
        inputs: files that the pipeline gets beside the prompt.
        timeout: seconds for one execution.
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
    engine: Engine
    pipeline: Path
    pipeline_sha256: str
    pipeline_files: tuple[InputFile, ...]
    inputs: tuple[InputFile, ...]
    timeout: float
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
