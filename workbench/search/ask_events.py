"""Defines the events that arrive in the queue of `Asks`.

Threads of the work and of the task runner put them in. Only the flow's thread takes them out and changes the state of
`Asks`, so this state needs no lock.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from workbench.nouns import Plan, ScoreRequest, Trial
from workbench.search.ask_kinds import AnswerFuture, Ask, Draw, Execute, Propose


@dataclass(frozen=True)
class NewAsk:
    ask: Propose | Execute | Draw
    answer: Future[Any]


@dataclass(frozen=True)
class NewScore:
    """A request for a verdict. Only the flow's thread knows the plan's retrieval, so that thread makes the `Score`."""

    request: ScoreRequest
    plan: Plan
    answer: Future[Any]


@dataclass(frozen=True)
class TrialEnded:
    trial: Trial


@dataclass(frozen=True)
class TaskFinished:
    ask: Ask
    task: AnswerFuture


@dataclass(frozen=True)
class WorkFailed:
    error: BaseException


@dataclass(frozen=True)
class WorkEnded:
    """The last event of every work, also after a failure."""


Event = NewAsk | NewScore | TrialEnded | TaskFinished | WorkFailed | WorkEnded
