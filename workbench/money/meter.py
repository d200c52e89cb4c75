"""Meters what the calls for one answer use, prices this use, and draws the amount from the run's purse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from workbench.errors import BudgetUsedUp, OutsideError, UserError
from workbench.money.price import Cost, ModelCost, Tokens, dollars
from workbench.money.purse import Purse
from workbench.providers import same_model

#: The kinds of failures that cost nothing: no model was reached, or the model's provider refused the request.
FREE = frozenset(
    {
        "authentication", "bad request", "budget used up", "missing key", "no credit", "not started", "other provider",
        "quota exhausted", "rate limit", "refused", "storage", "unknown model",
    }
)  # fmt: skip


class Meter:
    """Adds up what the calls for one answer use and cost. Only one thread may use a meter.

    Args:
        action: the kind of the answer: "propose", "execute", "score" or "draw".
        purse: the run's budget in dollars, or None.
    """

    def __init__(self, action: str = "", purse: Purse | None = None) -> None:
        self._action = action
        self._purse = purse
        self._parts: list[ModelCost] = []
        self._untold: list[str] = []
        #: The dollars that the budget counts for calls without a known amount.
        self._at_most = 0.0
        #: Whether the current block of `call` has reported its cost.
        self._reported = False
        #: Pairs of the model that was asked and the model that answered instead.
        self.other_models: list[tuple[str, str]] = []

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
        """Reserve the largest cost of a call, run the block that makes the call, and settle the reservation.

        The block reports its cost by `use`, `charge`, `free` or `silent`. If the block reports nothing, `name` is added
        to the cost's `untold`, unless the block ended with a failure whose kind is in `FREE`.

        Args:
            name: the model or program that is called, for the report.
            largest: the most that the block can cost in dollars, or None if the cost is known only after the call.

        Raises:
            BudgetUsedUp: the run's budget does not allow the call. The block does not run.
        """
        reservation = self._purse.reserve(self._action, largest) if self._purse else None
        self._reported, parts_before, untold_before = False, len(self._parts), len(self._untold)
        try:
            yield
        except (BudgetUsedUp, UserError):
            self._reported = True
            raise
        except OutsideError as error:
            self._reported = self._reported or error.kind in FREE
            raise
        finally:
            if not self._reported:
                self._untold.append(name)
            parts = self._parts[parts_before:]
            all_known = len(self._untold) == untold_before and all(part.dollars is not None for part in parts)
            if self._purse is not None and reservation is not None:
                known_dollars = sum(part.dollars or 0.0 for part in parts)
                counted = self._purse.settle(reservation, known_dollars if all_known else None)
                if not all_known:
                    self._at_most += max(0.0, counted - known_dollars)

    def use(self, provider: str, model: str, tokens: Tokens, *, calls: int = 1, api_base: str | None = None) -> None:
        """Add calls of a model whose tokens are known."""
        amount = dollars(provider, model, tokens, api_base=api_base)
        self._parts.append(ModelCost(f"{provider}/{model}", calls, tokens, amount))
        self._reported = True

    def charge(self, name: str, amount: float, tokens: Tokens | None = None) -> None:
        """Add the amount in dollars, and the tokens if any, that the provider or program `name` reported for a call."""
        self._parts.append(ModelCost(name, 1, tokens or Tokens(), amount))
        self._reported = True

    def free(self) -> None:
        """Note that the block costs nothing, except what it reports by the other methods."""
        self._reported = True

    def silent(self, name: str) -> None:
        """Note that `name` was called and did not report its cost. The block reports all its other costs."""
        self._untold.append(name)
        self._reported = True


def use_report(meter: Meter, usage: Mapping[str, Any]) -> None:
    """Add the usage that our own runtime reports to the meter.

    Args:
        usage: the runtime's report. Each entry of its `models` has the model that answered, the model that was asked
            (`asked`), the number of calls, and the tokens by kind.
    """
    meter.free()
    for entry in usage.get("models") or []:
        tokens = Tokens(
            input=int(entry["input_tokens"]),
            cached_input=int(entry["cached_input_tokens"]),
            cache_write=int(entry["cache_write_tokens"]),
            output=int(entry["output_tokens"]),
            thought=int(entry["thought_tokens"]),
        )
        provider, calls = str(entry["provider"]), int(entry["calls"])
        model = str(entry["model"]).removeprefix("models/")
        requested = str(entry.get("asked") or model)
        if calls and not same_model(requested, model):
            meter.other_models.append((requested, model))
        if tokens == Tokens() and calls:
            # Every call reads and writes tokens. If all counts are 0, the provider did not report them.
            meter.silent(f"{provider}/{model}")
        else:
            meter.use(provider, model, tokens, calls=calls)
