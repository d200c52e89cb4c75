"""Defines the types of a study: its models, its task runner, and everything that its file says."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from workbench.nouns.judging import HOLISTIC
from workbench.nouns.pipeline import Goal, Pipeline
from workbench.provider_table import ProviderName
from workbench.scoring import Length

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
    """Where task runs are executed: in `threads`, or in a cluster.

    `address` is the address of a cluster that is already running. It is None for threads, and for a cluster that the
    run starts itself.
    """

    name: TaskRunnerName = "threads"
    address: str | None = None


@dataclass(frozen=True)
class Study:
    """A validated study file. Its paths are absolute, its files could be read, and its keys and choices are known.

    Attributes:
        file: the study file itself.
        name: the name of the study in runs and reports.
        goals: at least one goal; their names differ.
        pipeline: the pipeline, with hashes of its files from the time when the study was read.
        program: `direct` sends the candidate and the goal as the prompt; with `writer`, a model writes the prompt.
        prompt: the starting instructions, which are the baseline. If there is a champion, its text.
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
        task_runner: where task runs are executed. The results do not depend on it.
        promote: `ask` leaves a promotion to a person; `auto` promotes a prompt whose gain is beyond chance
            and is 0.5 points or more.
        margin: how many points a champion may lose at a new commit and still count as good as before.
        model_timeout: the time limit of one answer of the judge or the proposer, in seconds.
        champions: the folder of the study's champions. It need not exist.
        champion: the number of the champion whose text is `prompt`; None if `prompt` is from the study file.
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
