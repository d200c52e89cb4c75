"""Defines the five kinds of ask, and how many asks of each kind may run at once.

Each ask whose answer costs money has `task`, the name of the task that answers it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

from workbench.nouns import DrawRequest, ExecutionRequest, Plan, ScoreRequest
from workbench.search.proposal import ProposalRequest


class AnswerFuture(Protocol):
    """A future that answers an ask. A later ask may take it as its input.

    Prefect's futures fit, and so does every other future that has these two methods.
    """

    def result(self) -> Any: ...

    def add_done_callback(self, fn: Callable[[Any], None]) -> None: ...


@dataclass(eq=False, kw_only=True)
class _Keyed:
    """The attributes of every kind of ask whose answer costs money.

    Attributes:
        key: a hash of everything that the answer depends on. Asks with equal keys share one answer.
        waiting: the futures on which threads of the work wait for the answer.
    """

    key: str
    waiting: list[Future[Any]] = field(default_factory=list)


@dataclass(eq=False)
class Propose(_Keyed):
    """Send a request to the proposer's model."""

    task: ClassVar[Literal["propose"]] = "propose"

    request: ProposalRequest


@dataclass(eq=False)
class Execute(_Keyed):
    """Run the pipeline once."""

    task: ClassVar[Literal["execute"]] = "execute"

    request: ExecutionRequest


@dataclass(eq=False)
class Retrieve:
    """Read the plans out of finished executions: the asks, and their finished futures in the same order.

    The answer is a list of plans in this order. One retrieval runs at a time, and the next one reads every plan that
    was waiting for it.
    """

    executes: list[Execute] = field(default_factory=list)
    executions: list[AnswerFuture] = field(default_factory=list)


@dataclass(eq=False)
class Score(_Keyed):
    """Have the judge score a plan.

    Attributes:
        retrieval: the finished future of the plan's retrieval, if it was retrieved.
        ready_at: the time at which the judge could be asked, on the clock of `time.monotonic`.
    """

    task: ClassVar[Literal["score"]] = "score"

    request: ScoreRequest
    plan: Plan
    retrieval: AnswerFuture | None
    ready_at: float = field(default_factory=time.monotonic)


@dataclass(eq=False)
class Draw(_Keyed):
    """Have the judge's model draw the criteria of a goal."""

    task: ClassVar[Literal["draw"]] = "draw"

    request: DrawRequest


PaidAsk = Propose | Execute | Score | Draw
Ask = PaidAsk | Retrieve

#: The order in which ready asks are submitted. Executions are the slowest, so they get a free slot first.
SUBMIT_ORDER: tuple[type[Ask], ...] = (Execute, Retrieve, Score, Propose, Draw)

#: The kinds that call the judge's or the proposer's model. Until the model has given one answer, only one ask of a kind
#: runs at a time. So a rejected key is not sent many times at once.
FIRST_ALONE: frozenset[type[Ask]] = frozenset((Score, Propose, Draw))

#: How many proposals may run at once, at most. The same holds for drawings.
MOST_PROPOSALS_AT_ONCE = 8

#: How many asks of each kind may run at once.
Slots = Mapping[type[Ask], int]


def slots(concurrency: int) -> Slots:
    """Return how many asks of each kind may run at once, for `concurrency` executions at once."""
    few_calls = min(concurrency, MOST_PROPOSALS_AT_ONCE)
    return {Execute: concurrency, Retrieve: 1, Score: concurrency, Propose: few_calls, Draw: few_calls}
