"""Defines the seam between Workbench and the programs that execute pipelines.

A runtime is one class. It declares what it needs (its study keys, provider keys, checks for `doctor`, whether it can be
rehearsed, how a winner is written back), and it executes. `runtimes.py` lists the classes; no other module outside a
runtime's own files knows a runtime by name. docs/extending.md shows how to add one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from workbench.fields import Form, KeyPath
from workbench.money import price
from workbench.money.meter import Meter
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline, Target
from workbench.provider_table import ProviderName


class StudyFile(Protocol):
    """The study file while it is read. A runtime reports its problems at the study's keys."""

    @property
    def folder(self) -> Path:
        """The folder that the study's paths are relative to."""
        ...

    def add_problem(self, path: KeyPath, message: str) -> None:
        """Add a problem, with the line of this key."""
        ...

    def text(self, path: KeyPath, file: Path, limit: int) -> str | None:
        """Return the text of a file that this key names. If it cannot be read, add a problem and return None."""
        ...


@dataclass(frozen=True)
class Needs:
    """The keys of providers and the variables that executions need from the environment."""

    providers: frozenset[ProviderName] = frozenset()
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """The result of checking one thing that a study needs from this machine.

    Attributes:
        passed: True if the machine has it.
        state: what the check saw, such as a path or a version.
        advice: what to do if the check did not pass; else empty.
    """

    name: str
    passed: bool
    state: str
    advice: str = ""


#: When a runtime tells what an execution costs. "before": the most that it can cost is known before it starts, and its
#: tokens after it. "afterwards": only the cost of an ended execution is known. "never": no cost is known.
TellsCost = Literal["before", "afterwards", "never"]
#: Tokens that a runtime and a provider may add to a request: roles, instructions, the declarations of tools.
FRAME_TOKENS = 4_000
#: A token of one model's answer can be this many bytes in another model's prompt.
BYTES_OF_TOKEN = 16


@dataclass(frozen=True)
class ModelCalls:
    """The most that one step of a pipeline can ask its model in one execution.

    Attributes:
        calls: how many replies the step takes.
        tries: how often the provider is called for one reply.
        input_bytes: the bytes of the first request, without the study's prompt and without answers of earlier steps.
        prompts: how often the study's prompt stands in the first request.
        earlier_tokens: the tokens of the answers of earlier steps that can stand in the first request.
        output_tokens: the limit of one reply.
        added_bytes: what one reply and its tools add to the next request.
    """

    step: str
    provider: ProviderName
    model: str
    calls: int
    tries: int
    input_bytes: int
    prompts: int
    earlier_tokens: int
    output_tokens: int
    added_bytes: int

    def largest_cost(self, prompt_bytes: int) -> float | None:
        """Return the most dollars that the step can cost, or None if its model has no known price.

        Each byte counts as a token, because a token has at least one byte. No request is larger than the model's
        context window.
        """
        window = price.context_tokens(self.provider, self.model)
        first_request = self.input_bytes + self.prompts * prompt_bytes + self.earlier_tokens * BYTES_OF_TOKEN
        total = 0.0
        for number in range(self.calls):
            tokens = first_request + FRAME_TOKENS + number * self.added_bytes
            tokens = tokens if window is None else min(tokens, window)
            cost = price.largest(self.provider, self.model, tokens, self.output_tokens)
            if cost is None:
                return None
            total += cost * self.tries
        return total


@dataclass(frozen=True)
class BeforeVariable:
    """Write a winner into a static part of a prompt: at the end of the part that stands before this variable."""

    variable: str


@dataclass(frozen=True)
class IntoStep:
    """Write a winner, with its goal, as the text of a static part of a step.

    Attributes:
        part: the number of the static part, counted from 1.
        replaced: matches what the pipeline would replace in such a text by something else.
    """

    step: str
    part: int
    replaced: re.Pattern[str]


@dataclass(frozen=True)
class NotWritten:
    """Write a winner into no pipeline file.

    `reason` says why, and what to do with the winner's own file. The path of this file replaces `{file}` in it.
    """

    reason: str


WriteBack = BeforeVariable | IntoStep | NotWritten


class Runtime(Protocol):
    """Executes pipelines for one engine. All threads of a process share one object for each engine."""

    #: The study keys that only this runtime takes, beside those that every study has.
    Keys: ClassVar[type[Form]]
    #: Advice by study key: what to use instead of a key that only other runtimes take.
    instead: ClassVar[Mapping[str, str]]
    #: The part that is real even in a rehearsal, as the subject of a sentence; empty if no part is real.
    real_in_rehearsal: ClassVar[str]

    def __init__(self, engine: Engine) -> None: ...

    @classmethod
    def configure(cls, name: str, keys: Any, study: StudyFile) -> Pipeline:
        """Return the pipeline that these study keys describe; report what is wrong with them to `study`.

        Args:
            name: the word that the study named this runtime with.
            keys: an object of `Keys`, valid on its own.
        """
        ...

    @classmethod
    def write_back(cls, target: Target | None) -> WriteBack:
        """Return where `workbench apply` writes the winner of a run with this target."""
        ...

    def needs(self, pipeline: Pipeline) -> Needs:
        """Return what executions of this pipeline need from the environment."""
        ...

    def refusal_to_rehearse(self, pipeline: Pipeline) -> str | None:
        """Return why this pipeline cannot be rehearsed, and what to do; None if it can."""
        ...

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        """Yield one check of this machine after the other, the slowest last. Call no model."""
        ...

    def refusal(self, pipeline: Pipeline) -> str | None:
        """Return why executions of this pipeline with its inputs would be refused, and what to do.

        Return None if no reason is known. Needs no key and calls no model.

        Raises:
            ExecutionFailed: the runtime cannot be started on this machine, so it was not asked.
        """
        ...

    def warning(self, pipeline: Pipeline) -> str | None:
        """Return why a study of this pipeline may find nothing, and what to do; None if no reason is known.

        The runtime executes the pipeline all the same. Calls no model and starts nothing.
        """
        ...

    def tells_cost(self, pipeline: Pipeline) -> TellsCost:
        """Return when executions of this pipeline tell what they cost. Calls no model and starts nothing."""
        ...

    def model_calls(self, pipeline: Pipeline) -> tuple[ModelCalls, ...]:
        """Return what an execution asks of models at most. It is empty unless the cost is told "before"."""
        ...

    def version(self) -> str:
        """Return the text that stands for this runtime in an execution's key.

        Two versions of a runtime may write different plans, so they need different texts.
        """
        ...

    def prepare(self) -> None:
        """Prepare this runtime once before a study's first execution: compile, look for programs. `close` ends this.

        Raises:
            ExecutionFailed: this machine cannot execute anything; the message says what to do.
        """
        ...

    def execute(self, request: ExecutionRequest, folder: Path, meter: Meter) -> Execution:
        """Run the pipeline once. `folder` belongs to this execution alone and holds only its prompt.md.

        Args:
            meter: takes what the execution used, also if it fails. An execution that tells the meter nothing counts as
                one whose cost is not known.

        Raises:
            ExecutionFailed: the outside world is to blame.
            PipelineRejected: the pipeline file or an input is to blame.
        """
        ...

    def close(self) -> None:
        """Release everything kept between executions, once each study that called `prepare` has closed."""
        ...
