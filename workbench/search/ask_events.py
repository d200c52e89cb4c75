"""Defines the events that arrive in the queue of `Asks`.

Threads of the work and of the task runner put them in. Only the flow's thread takes them out and changes the state of
`Asks`, so this state needs no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from workbench.nouns import Plan, ScoreRequest, Trial
from workbench.search.ask_kinds import AnswerFuture, Ask, Draw, Execute, Propose


@dataclass(frozen=True)
class NewAsk:
    """An ask of the work, and the future on which a thread of the work waits for the answer."""

    ask: Propose | Execute | Draw
    answer: Future[Any]


@dataclass(frozen=True)
class NewScore:
    """A request for a verdict. The flow's thread makes the `Score`, because only it knows the plan's retrieval."""

    request: ScoreRequest
    plan: Plan
    answer: Future[Any]


@dataclass(frozen=True)
class TrialEnded:
    """A trial that the work reports."""

    trial: Trial


@dataclass(frozen=True)
class TaskFinished:
    """The finished task of an ask. Its result is the answer or a failure.

    `bought` takes a task that has not failed, and returns False if it called no model.
    """

    ask: Ask
    task: AnswerFuture
    bought: Callable[[Any], bool]


@dataclass(frozen=True)
class WorkFailed:
    """An error that ends the loop early: the work's, or that of a thread that watches the run."""

    error: BaseException


@dataclass(frozen=True)
class WorkEnded:
    """The last event of every work, also after a failure."""


Event = NewAsk | NewScore | TrialEnded | TaskFinished | WorkFailed | WorkEnded
