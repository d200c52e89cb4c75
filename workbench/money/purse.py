"""Keeps a budget in dollars: reserves the largest possible cost of a call before the call, and settles it afterwards.

Two kinds of calls draw on a purse:

before      The largest possible cost is known before the call. It is reserved, so the budget is never overshot, however
            many calls are in flight.
afterwards  The cost is known only after the call. Until the first cost is known, one such call runs alone. Later, n of
            these calls may be in flight together only if n times the largest cost so far is left. So only a call that
            costs more than every call before it can overshoot the budget, and only by the difference.

The money that the confirmation needs is set aside while the search goes on.

A purse counts whole billionths of a dollar, because sums of whole numbers are exact.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import BudgetUsedUp, Interrupted

#: How many units of a purse make one dollar.
UNIT = 1_000_000_000


@dataclass(frozen=True)
class Confirmation:
    """The calls that the confirmation will need.

    Attributes:
        calls: the number of calls, by action.
        expected: the expected cost of one call in dollars, by action. The largest cost that the search has seen
            replaces it.
    """

    calls: Mapping[str, int] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)


@dataclass(eq=False)
class Reservation:
    """The right to make one call.

    `amount` is what is reserved, in units of the purse. It is None for a call whose cost is known only afterwards.
    """

    action: str
    amount: int | None


class Purse:
    """The budget of one run. Many threads use it at once.

    Args:
        dollars: the budget.
        spent: the dollars that a continued run has spent before.
        confirmation: the calls for which money is set aside until `confirm` is called.
    """

    def __init__(self, dollars: float, spent: float = 0.0, confirmation: Confirmation | None = None) -> None:
        self.dollars = dollars
        self._limit = math.floor(dollars * UNIT)
        self._spent = _units(spent)
        self._reserved = 0
        #: How many calls are in flight, by action, and for how many of them nothing is reserved.
        self._in_flight: Counter[str] = Counter()
        self._unreserved_in_flight = 0
        self._confirmation = confirmation
        #: The largest cost of a call so far, and the largest reservation that was asked for, by action.
        self._largest_costs: dict[str, int] = {}
        self._largest_reservations: dict[str, int] = {}
        self._changed = threading.Condition()
        self._refused = False
        self._closed = False

    @property
    def spent(self) -> float:
        """Return the dollars that are spent. A call that reported no cost counts as the most that it can have cost."""
        return self._spent / UNIT

    @property
    def used_up(self) -> bool:
        """Return True if a call was refused because the money is used up. `confirm` sets it back to False."""
        return self._refused

    def confirm(self) -> None:
        """Release the money that is set aside for the confirmation, because the confirmation begins."""
        with self._changed:
            self._confirmation = None
            self._refused = False
            self._changed.notify_all()

    def close(self) -> None:
        """Raise Interrupted in all threads that wait in `reserve`, because the run has ended."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def reserve(self, action: str, largest: float | None) -> Reservation:
        """Return the right to make one call. While calls in flight may give money back, wait for them.

        Args:
            action: the kind of the call: "propose", "execute", "score" or "draw".
            largest: the most that the call can cost in dollars, or None if its cost is known only afterwards.

        Raises:
            BudgetUsedUp: what is left is not enough, and no call is in flight.
            Interrupted: the run has ended.
        """
        amount = None if largest is None else _units(largest)
        with self._changed:
            if amount is not None:
                self._largest_reservations[action] = max(amount, self._largest_reservations.get(action, 0))
            while True:
                if self._closed:
                    raise Interrupted("the run has ended")
                if self._affords(action, amount):
                    break
                if self._in_flight.total() == 0:
                    self._refused = True
                    raise BudgetUsedUp(self._refusal(action, amount), kind="budget used up", lasting=True)
                self._changed.wait()
            self._in_flight[action] += 1
            if amount is None:
                self._unreserved_in_flight += 1
            else:
                self._reserved += amount
            return Reservation(action, amount)

    def settle(self, reservation: Reservation, dollars: float | None) -> float:
        """Replace a reservation by what the call cost, and return the dollars that count as spent.

        Args:
            dollars: the cost, or None if the call reported none. Then the reserved amount counts. If nothing was
                reserved, the largest cost so far of a call of this kind counts.
        """
        with self._changed:
            action, amount = reservation.action, reservation.amount
            self._in_flight[action] -= 1
            if amount is None:
                self._unreserved_in_flight -= 1
            else:
                self._reserved -= amount
            if dollars is not None:
                cost = _units(dollars)
                self._largest_costs[action] = max(cost, self._largest_costs.get(action, 0))
            else:
                cost = self._largest_costs.get(action, 0) if amount is None else amount
            self._spent += cost
            self._changed.notify_all()
            return cost / UNIT

    def _affords(self, action: str, amount: int | None) -> bool:
        """Return True if the budget allows a call now. `amount` is its largest cost, or None as in a reservation."""
        confirmation, last_reservation = self._set_aside()
        free = self._limit - self._spent - self._reserved - confirmation
        if amount is None:
            free -= last_reservation
            if self._largest_execution() == 0:
                return self._unreserved_in_flight == 0 and free > 0
            return free >= (self._unreserved_in_flight + 1) * self._largest_execution()
        fits = free >= amount + self._unreserved_in_flight * self._largest_execution()
        # Once this call and the calls in flight have ended, what was reserved for them can serve as the reservation of
        # the confirmation's last call. So only their expected costs count here.
        left_after_calls = self._limit - self._spent - self._expected_in_flight() - self._expected_cost(action)
        return fits and left_after_calls >= confirmation + last_reservation

    def _largest_execution(self) -> int:
        """Return the largest cost so far of an execution. Calls whose cost is known only afterwards are executions."""
        return self._largest_costs.get("execute", 0)

    def _set_aside(self) -> tuple[int, int]:
        """Return what the confirmation needs: the expected cost of all its calls, and the reservation of the last."""
        if self._confirmation is None:
            return 0, 0
        calls = self._confirmation.calls
        expected = sum(number * self._expected_cost(action) for action, number in calls.items())
        return expected, max((self._largest_reservations.get(action, 0) for action in calls), default=0)

    def _expected_cost(self, action: str) -> int:
        """Return the largest cost so far of a call of this kind, or the confirmation's estimate before the first."""
        if action in self._largest_costs or self._confirmation is None:
            return self._largest_costs.get(action, 0)
        return _units(self._confirmation.expected.get(action, 0.0))

    def _expected_in_flight(self) -> int:
        """Return the expected cost of all calls in flight."""
        return sum(number * self._expected_cost(action) for action, number in self._in_flight.items())

    def _refusal(self, action: str, amount: int | None) -> str:
        """Return the message of the error that refuses a call."""
        left = (self._limit - self._spent) / UNIT
        aside = sum(self._set_aside()) / UNIT
        reserved = f", of which ${aside:.4f} is set aside for the confirmation" if aside else ""
        need = "" if amount is None else f"; a call of the kind {action} can cost ${amount / UNIT:.4f}"
        return (
            f"the budget of ${self.dollars:.2f} is used up: ${left:.4f} is left{reserved}{need}; raise budget.dollars "
            "in the study (or --dollars of run and calibrate) and run again, nothing is paid twice"
        )


#: The purses of this process, by the folder of the run.
_purses: dict[Path, Purse] = {}


def purse_of(run: Path | None) -> Purse | None:
    """Return the purse of a run, or None if the run has no budget in dollars."""
    return None if run is None else _purses.get(run)


def raise_if_used_up(run: Path, event: str, *, shared_by: str | None = None) -> None:
    """Check that no call of a run was refused because its money is used up.

    Args:
        event: the event that the budget is too small for, such as "the judge was calibrated".
        shared_by: as in `used_up_before`.

    Raises:
        BudgetUsedUp: a call was refused.
    """
    purse = purse_of(run)
    if purse is not None and purse.used_up:
        raise used_up_before(event, purse.dollars, shared_by=shared_by) from None


def used_up_before(event: str, dollars: float, *, shared_by: str | None = None) -> BudgetUsedUp:
    """Return the error for a budget that was used up before an event.

    Args:
        dollars: the whole budget.
        shared_by: the commands that share the budget, such as "all calibrations of this judge", so that the same
            command cannot go on with it. None if each command has a budget of its own.
    """
    advice = "run the same command again, which buys only what is missing, or"
    if shared_by:
        advice = f"{shared_by} share this budget, and what they bought is kept:"
    return BudgetUsedUp(
        f"the budget of ${dollars:.2f} was used up before {event}; expected a budget that is enough for that; {advice} "
        "raise budget.dollars in the study (or --dollars of run and calibrate)",
        kind="budget used up",
        lasting=True,
    )


@contextmanager
def opened(run: Path, purse: Purse | None) -> Iterator[None]:
    """Register the purse of a run until the block ends. None stands for a run without a budget in dollars."""
    if purse is None:
        yield
        return
    _purses[run] = purse
    try:
        yield
    finally:
        del _purses[run]
        purse.close()


def _units(dollars: float) -> int:
    """Return dollars as billionths, rounded up."""
    return math.ceil(dollars * UNIT)
