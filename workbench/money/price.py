"""Prices the tokens of calls with the price data of genai-prices. Workbench has no price table of its own.

The amount of an answer is computed once, when the answer is stored. The stored answer has the amount and the version of
the price data. Reports only add up stored amounts, so a report of last month does not change with today's prices.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

from workbench.provider_table import KNOWN

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

#: Our name of a provider → its name in the price data. The claude program calls Anthropic's models. Our runtime reports
#: the program as `claude_program`, and a study names it `claude-program`.
PRICED_AS = {
    spelling: service.priced_as for name, service in KNOWN.items() for spelling in (name, name.replace("-", "_"))
}
#: The claude program marks a model with a long context window: claude-sonnet-5-5[1m].
_MARK = re.compile(r"\[\w+\]\Z")
#: The longest duration of a call. A price may change between the beginning and the end of a call.
LONGEST_CALL = timedelta(days=1)


@dataclass(frozen=True)
class Tokens:
    """The tokens of one or more calls, by kind. Each token counts in one kind only. Thoughts are charged as output."""

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    thought: int = 0

    @property
    def all_input(self) -> int:
        return self.input + self.cached_input + self.cache_write

    @property
    def all_output(self) -> int:
        return self.output + self.thought


@dataclass(frozen=True)
class ModelCost:
    """What the calls of one model used and cost.

    Attributes:
        model: the model that answered, as PROVIDER/NAME. If a program reported its own amount, the program's name.
        calls: the number of calls.
        tokens: the tokens of all these calls.
        dollars: the amount for all these calls, or None if the model has no known price.
    """

    model: str
    calls: int
    tokens: Tokens
    dollars: float | None


@dataclass(frozen=True)
class Cost:
    """What one answer cost.

    Attributes:
        dollars: the whole amount, or None if a part of it is not known.
        prices: the name and the version of the price data.
        models: the parts by model.
        untold: the models and programs that reported neither tokens nor an amount, one entry for each call.
        at_most: the dollars that a budget counts for the calls without a known amount: the most that they can cost.
    """

    dollars: float | None
    prices: str
    models: tuple[ModelCost, ...] = ()
    untold: tuple[str, ...] = ()
    at_most: float = 0.0

    @classmethod
    def of(cls, models: Iterable[ModelCost], untold: Iterable[str] = (), at_most: float = 0.0) -> Cost:
        """Return the cost that has these parts. Its `dollars` are None if the amount of a part is not known."""
        parts, untold = tuple(models), tuple(untold)
        dollars = None if untold else total(part.dollars for part in parts)
        return cls(dollars, price_data(), parts, untold, at_most)

    @property
    def known(self) -> float:
        """Return the sum of the amounts that are known, in dollars."""
        return sum(part.dollars or 0.0 for part in self.models)


def total(amounts: Iterable[float | None]) -> float | None:
    """Return the sum of amounts in dollars, or None if an amount is not known. The sum of no amounts is 0."""
    addends = list(amounts)
    known_amounts = [amount for amount in addends if amount is not None]
    return sum(known_amounts) if len(known_amounts) == len(addends) else None


@cache
def price_data() -> str:
    """Return the name and the version of the price data."""
    import genai_prices

    return f"genai-prices {genai_prices.__version__}"


def dollars(
    provider: str, model: str, tokens: Tokens, *, at: datetime | None = None, api_base: str | None = None
) -> float | None:
    """Return what calls of a model cost in dollars, or None if the model has no known price.

    Args:
        provider: our name of the provider, a key of `PRICED_AS`.
        at: the time of the calls. None stands for the current time.
        api_base: the address that a study names for the model. A server there has prices of its own.
    """
    price = _calculation(provider, model, tokens, at or datetime.now(UTC), api_base)
    return None if price is None else float(price.total_price)


def largest(
    provider: str, model: str, input_tokens: int, output_tokens: int, *, api_base: str | None = None
) -> float | None:
    """Return the most that a call can cost in dollars, or None if the model has no known price.

    The input may be charged as fresh input or as input that is written to a cache, and the price may change during the
    call. The largest of these amounts is returned.

    Args:
        input_tokens, output_tokens: the most tokens that the call can have.
    """
    now = datetime.now(UTC)
    amounts = [
        dollars(provider, model, tokens, at=at, api_base=api_base)
        for tokens in (
            Tokens(input=input_tokens, output=output_tokens),
            Tokens(cache_write=input_tokens, output=output_tokens),
        )
        for at in (now, now + LONGEST_CALL)
    ]
    known_amounts = [amount for amount in amounts if amount is not None]
    return max(known_amounts) if len(known_amounts) == len(amounts) else None


def context_tokens(provider: str, model: str, *, api_base: str | None = None) -> int | None:
    """Return the size of the model's context window in tokens, or None if the price data does not have it."""
    price = _calculation(provider, model, Tokens(input=1), datetime.now(UTC), api_base)
    return None if price is None else price.model.context_window


def _calculation(
    provider: str, model: str, tokens: Tokens, at: datetime, api_base: str | None
) -> PriceCalculation | None:
    """Return the price data's calculation for these tokens, or None if the model has no known price."""
    # Imported here, because only a call or an estimate needs prices.
    from genai_prices import Usage, calc_price

    usage = Usage(
        input_tokens=tokens.all_input,
        cache_read_tokens=tokens.cached_input,
        cache_write_tokens=tokens.cache_write,
        output_tokens=tokens.all_output,
    )
    name = _MARK.sub("", model.removeprefix("models/"))
    try:
        if api_base is not None:
            return calc_price(usage, name, provider_api_url=api_base, genai_request_timestamp=at)
        return calc_price(usage, name, provider_id=PRICED_AS.get(provider, provider), genai_request_timestamp=at)
    except LookupError:
        return None
