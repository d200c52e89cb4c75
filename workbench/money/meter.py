"""Meters what the calls for one answer use, prices it, and draws it from the run's purse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.errors import BudgetUsedUp, OutsideError, UserError
from workbench.money.price import Cost, ModelCost, Tokens, dollars
from workbench.money.purse import Purse

#: The kinds of failures with which nothing was charged: no model was reached, or it refused the request.
FREE = frozenset(
    {
        "authentication", "bad request", "budget used up", "missing key", "no credit", "not started", "other provider",
        "quota exhausted", "quota used up", "rate limit", "refused", "storage", "unknown model",
    }
)  # fmt: skip


class Meter:
    """What one answer uses. One thread uses it.

    Args:
        action: what the answer is: "propose", "execute" or "score".
        purse: the run's budget in dollars, or None.
    """

    def __init__(self, action: str = "", purse: Purse | None = None) -> None:
        self._action = action
        self._purse = purse
        self._parts: list[ModelCost] = []
        self._untold: list[str] = []
        self._at_most = 0.0
        self._told = False

    @property
    def budgeted(self) -> bool:
        """Return True if the run has a budget in dollars."""
        return self._purse is not None

    @property
    def cost(self) -> Cost | None:
        """Return the cost so far, or None if nothing was called."""
        if not self._parts and not self._untold:
            return None
        return Cost.of(self._parts, self._untold, self._at_most)

    @contextmanager
    def call(self, name: str, largest: float | None) -> Iterator[None]:
        """Reserve the largest cost of what the block calls. Settle it with what the block tells.

        A block that tells nothing counts as untold, unless it ended with a failure that is free.

        Args:
            name: who is called, for the report.
            largest: the most that the block can cost in dollars, or None if the cost is told only afterwards.

        Raises:
            BudgetUsedUp: the run's budget does not allow the call. The block does not run.
        """
        reservation = self._purse.reserve(self._action, largest) if self._purse else None
        self._told, first, silent = False, len(self._parts), len(self._untold)
        try:
            yield
        except BudgetUsedUp:
            self._told = True
            raise
        except UserError:
            self._told = True
            raise
        except OutsideError as error:
            self._told = self._told or error.kind in FREE
            raise
        finally:
            parts = self._parts[first:]
            known = self._told and len(self._untold) == silent and all(part.dollars is not None for part in parts)
            amount = sum(part.dollars or 0.0 for part in parts) if known else None
            if not self._told:
                self._untold.append(name)
            if self._purse is not None and reservation is not None:
                counted = self._purse.settle(reservation, amount)
                if amount is None:
                    # The known parts count by themselves.
                    self._at_most += max(0.0, counted - sum(part.dollars or 0.0 for part in parts))

    def use(self, provider: str, model: str, tokens: Tokens, *, calls: int = 1, api_base: str | None = None) -> None:
        """Add calls of a model that told its tokens."""
        amount = dollars(provider, model, tokens, api_base=api_base)
        self._parts.append(ModelCost(f"{provider}/{model}", calls, tokens, amount))
        self._told = True

    def charge(self, name: str, amount: float) -> None:
        """Add an amount in dollars that a program told by itself."""
        self._parts.append(ModelCost(name, 1, Tokens(), amount))
        self._told = True

    def free(self) -> None:
        """Say that the block was not charged for anything more than it told."""
        self._told = True

    def silent(self, name: str) -> None:
        """Say that `name` was called, and tells no cost. The other parts of the block are told."""
        self._untold.append(name)
        self._told = True


def use_report(meter: Meter, usage: Mapping[str, Any]) -> None:
    """Add the usage that our own runtime reports: its `models`, each with the tokens by kind."""
    meter.free()
    for entry in usage.get("models") or []:
        tokens = Tokens(
            input=int(entry["input_tokens"]),
            cached_input=int(entry["cached_input_tokens"]),
            cache_write=int(entry["cache_write_tokens"]),
            output=int(entry["output_tokens"]),
            thought=int(entry["thought_tokens"]),
        )
        provider, model, calls = str(entry["provider"]), str(entry["model"]), int(entry["calls"])
        if tokens == Tokens() and calls:
            # Every call reads and writes tokens, so the provider did not tell them.
            meter.silent(f"{provider}/{model}")
        else:
            meter.use(provider, model, tokens, calls=calls)
