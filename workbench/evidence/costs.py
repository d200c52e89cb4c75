"""Adds up what the calls of a run cost. The amounts come from the journal: this module prices nothing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from workbench.run.journal import CallRecord
from workbench.run.record import RunRecord

#: The role that makes the calls of each action.
ROLES = {"execute": "generator", "score": "judge", "draw": "judge", "propose": "proposer"}


@dataclass(frozen=True)
class Costs:
    """The money of a run, in dollars.

    Attributes:
        by_role: the sums of the known amounts of generator, judge and proposer.
        unpriced: models without a known price and programs that tell no cost, with the number of calls each.
        prices: the versions of the price data.
        budget: the run's budget in dollars, or None.
        rehearsal: True if no real model answered. The amounts are then what real models would have cost.
        unknown: True if the run was made by a version of Workbench that counted no money.
    """

    by_role: dict[str, float]
    unpriced: dict[str, int]
    prices: tuple[str, ...]
    budget: float | None
    rehearsal: bool
    unknown: bool = False

    @property
    def dollars(self) -> float:
        """Return the sum of all known amounts."""
        return math.fsum(self.by_role.values())

    @property
    def paid(self) -> float | None:
        """Return the dollars that were paid, as far as known: 0 in a rehearsal, None if no money was counted."""
        if self.unknown:
            return None
        return 0.0 if self.rehearsal else self.dollars

    @property
    def overshot(self) -> float:
        """Return how much the known amounts are above the budget."""
        return 0.0 if self.budget is None else max(0.0, self.dollars - self.budget)

    @classmethod
    def of(cls, record: RunRecord, calls: Sequence[CallRecord]) -> Costs:
        """Add up the costs of the calls in a run's journal. Their order, which is by chance, changes no digit."""
        amounts: dict[str, list[float]] = {role: [] for role in ROLES.values()}
        unpriced: Counter[str] = Counter()
        prices: dict[str, None] = {}
        for call in calls:
            if call.cost is None:
                continue
            amounts[ROLES[call.action]].append(call.cost.known)
            prices[call.cost.prices] = None
            unpriced.update(call.cost.untold)
            for part in call.cost.models:
                if part.dollars is None:
                    unpriced[part.model] += part.calls
        by_role = {role: math.fsum(parts) for role, parts in amounts.items()}
        unknown = not prices and any(call.kind == "ok" for call in calls)
        return cls(by_role, dict(unpriced), tuple(prices), record.dollars, record.rehearsal is not None, unknown)
