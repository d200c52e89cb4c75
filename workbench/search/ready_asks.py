"""Keeps the asks that are ready, and decides which of them the flow gets next: the rules *slots* and *first alone*."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable

from workbench.search.ask_kinds import (
    FIRST_ALONE,
    SUBMIT_ORDER,
    AnswerFuture,
    Ask,
    Execute,
    PaidAsk,
    Retrieve,
    Slots,
)

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
    """

    def __init__(self, slots: Slots, claim: Claim) -> None:
        self._slots = dict(slots)
        self._claim = claim
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
        for kind in SUBMIT_ORDER:
            waiting = self._waiting[kind]
            for _ in range(len(waiting) if self._has_slot(kind) else 0):
                ask = waiting.popleft()
                if isinstance(ask, Retrieve) or self._claimed(ask):
                    self._running[kind] += 1
                    return ask
                waiting.append(ask)
        return None

    def wait_for_claim(self) -> bool:
        """Return True if an ask has a free slot and still waits, which means that another process has claimed it.

        Call it after `take` has returned None.
        """
        return any(self._waiting[kind] and self._has_slot(kind) for kind in SUBMIT_ORDER)

    def release_of(self, ask: Ask) -> Release | None:
        """Return the function that gives the claim of a running ask back, or None if there is no claim."""
        return None if isinstance(ask, Retrieve) else self._releases.pop(ask.key, None)

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
