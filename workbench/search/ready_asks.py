"""Keeps the asks that are ready, and decides which of them the flow gets next.

The rules are *slots*, *first alone* and *judge last*.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import cast

from workbench.search.ask_kinds import (
    FIRST_ALONE,
    SUBMIT_ORDER,
    AnswerFuture,
    Ask,
    Execute,
    PaidAsk,
    Retrieve,
    Score,
    Slots,
)

#: The pause after which an ask that another process answers is claimed again, in seconds.
CLAIM_SECONDS = 0.5
#: How long an execution takes to begin, in seconds, if several begin at once.
BEGIN_SECONDS = 0.05
#: How long a score waits for executions that begin, at most, in seconds.
SCORE_SECONDS = 0.5

#: Gives a claim back.
Release = Callable[[], None]
#: Claims an ask. Returns the function that gives the claim back, or None if another process has claimed an equal ask.
Claim = Callable[[PaidAsk], Release | None]


class ReadyAsks:
    """The asks whose inputs are finished and that wait for a slot, and the number of asks that run.

    Use it in the flow's thread only.

    Args:
        slots: how many asks of each kind may run at once.
        claim: called before an ask that costs money is taken.
        begin_seconds: how long an execution takes to begin.
        score_seconds: how long a score waits for executions that begin, at most.
    """

    def __init__(
        self,
        slots: Slots,
        claim: Claim,
        begin_seconds: float = BEGIN_SECONDS,
        score_seconds: float = SCORE_SECONDS,
    ) -> None:
        self._slots = dict(slots)
        self._claim = claim
        self._begin_seconds, self._score_seconds = begin_seconds, score_seconds
        #: After how many seconds `take` may return an ask without a new event. None if it needs an event.
        self.next_look: float | None = None
        #: The time at which the newest execution was taken, on the clock of `time.monotonic`.
        self._execution_at = -math.inf
        #: The functions that give claims back, by the key of the ask.
        self._releases: dict[str, Release] = {}
        self._waiting: dict[type[Ask], deque[Ask]] = {kind: deque() for kind in SUBMIT_ORDER}
        #: How many asks of each kind the flow has, and has not answered yet.
        self._running: Counter[type[Ask]] = Counter()
        #: The kinds of which an answer was bought.
        self._bought_kinds: set[type[Ask]] = set()
        #: The newest retrieval. While it waits, finished executions join it.
        self._next_retrieval = Retrieve()

    @property
    def any_running(self) -> bool:
        """Return True if the flow has an ask that it has not answered yet."""
        return self._running.total() > 0

    def add(self, ask: PaidAsk) -> None:
        """Add an ask whose inputs are finished."""
        self._waiting[type(ask)].append(ask)

    def add_execution(self, execute: Execute, execution: AnswerFuture) -> None:
        """Add a finished execution to the retrieval that begins next."""
        if not self._waiting[Retrieve]:
            self._next_retrieval = Retrieve()
            self._waiting[Retrieve].append(self._next_retrieval)
        self._next_retrieval.executes.append(execute)
        self._next_retrieval.executions.append(execution)

    def take(self) -> Ask | None:
        """Take the next ask whose kind has a free slot, and claim it. Return None if there is no such ask."""
        self.next_look = None
        for kind in SUBMIT_ORDER:
            waiting = self._waiting[kind]
            if kind is Score and (pause := self._score_pause()) > 0:
                self._look_again(pause)
                continue
            for _ in range(len(waiting) if self._has_slot(kind) else 0):
                ask = waiting.popleft()
                if isinstance(ask, Retrieve) or self._claimed(ask):
                    self._running[kind] += 1
                    if kind is Execute:
                        self._execution_at = time.monotonic()
                    return ask
                waiting.append(ask)
                self._look_again(CLAIM_SECONDS)
        return None

    def release_of(self, ask: Ask) -> Release | None:
        """Return the function that gives the claim of a running ask back, or None if there is no claim."""
        return None if isinstance(ask, Retrieve) else self._releases.pop(ask.key, None)

    def release_unanswered(self) -> None:
        """Give back the claims of asks that the flow got and has not answered. A retry in this process needs them."""
        while self._releases:
            self._releases.popitem()[1]()

    def finished(self, ask: Ask, *, bought: bool) -> None:
        """Free the slot of an ask whose task has finished. `bought` says whether a model gave the answer."""
        kind = type(ask)
        self._running[kind] -= 1
        if bought:
            self._bought_kinds.add(kind)

    def _claimed(self, ask: PaidAsk) -> bool:
        """Claim an ask. Return False if another process has claimed an equal ask."""
        release = self._claim(ask)
        if release is not None:
            self._releases[ask.key] = release
        return release is not None

    def _has_slot(self, kind: type[Ask]) -> bool:
        """Return True if the flow may get another ask of this kind."""
        alone = kind in FIRST_ALONE and kind not in self._bought_kinds
        return self._running[kind] < (1 if alone else self._slots[kind])

    def _score_pause(self) -> float:
        """Return for how many seconds the first score that waits has to wait for executions that begin."""
        scores = self._waiting[Score]
        if not scores or not self._running[Execute]:
            return 0.0
        latest = cast("Score", scores[0]).ready_at + self._score_seconds
        return max(0.0, min(self._execution_at + self._begin_seconds, latest) - time.monotonic())

    def _look_again(self, seconds: float) -> None:
        """Have the flow call `take` again after this time at the latest."""
        self.next_look = seconds if self.next_look is None else min(seconds, self.next_look)
