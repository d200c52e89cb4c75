"""The amounts of calls, and what a call can cost at most."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from workbench.execution.own.asks import OUTPUT_TOKENS
from workbench.money.price import PRICED_AS, Cost, ModelCost, Tokens, context_tokens, dollars, largest, price_data
from workbench.provider_table import DEFAULT_JUDGE, DEFAULT_PROPOSER, KNOWN

NOVEMBER = datetime(2026, 11, 25, tzinfo=UTC)
MILLION = 1_000_000
#: The claude program has its user's login, and so no price of its own.
PRICED = {name: service.models for name, service in KNOWN.items() if name != "claude-program"}


def test_every_kind_of_token_has_its_price() -> None:
    """Thoughts are charged as output. Input from a cache is cheaper, and input that is written to a cache is dearer."""
    price = {
        kind: dollars("anthropic", "claude-sonnet-5-5", Tokens(**{kind: MILLION}), at=NOVEMBER)
        for kind in ("input", "cached_input", "cache_write", "output", "thought")
    }
    assert price["output"] == price["thought"] == 10.0
    assert price["cached_input"] < price["input"] < price["cache_write"] < price["output"]  # type: ignore[operator]  # no price is None


@pytest.mark.parametrize("model", [DEFAULT_JUDGE, DEFAULT_PROPOSER])
def test_the_models_of_a_study_that_names_none_have_a_price(model: str) -> None:
    """Every current model that an error message suggests has a price, too."""
    provider, _, name = model.partition("/")
    assert dollars(provider, name, Tokens(input=1))
    assert all(dollars(family, each, Tokens(input=1)) for family, models in PRICED.items() for each in models)
    assert set(PRICED) <= set(PRICED_AS)


@pytest.mark.parametrize(
    ("provider", "model", "api_base", "known"),
    [
        ("gemini", "gemini-3.8-flash-001", None, True),
        ("gemini", "models/gemini-3.8-flash", None, True),
        ("claude_program", "claude-opus-5-5[1m]", None, True),
        ("anthropic", "claude-next-week", None, False),
        ("openai", "gpt-4.1-2025-04-14", None, True),
        ("openai", "gpt-4.1", "http://127.0.0.1:8000/v1", False),
        ("openrouter", "openai/gpt-4.1", None, True),
        ("openrouter", "openai/gpt-of-next-year", None, False),
        ("mistral", "mistral-large-latest", None, True),
        ("nobody", "model", None, False),
    ],
)
def test_a_version_of_a_model_costs_what_the_model_costs(
    provider: str, model: str, api_base: str | None, known: bool
) -> None:
    """A server at an address of the study has prices of its own, which nobody knows."""
    assert (dollars(provider, model, Tokens(input=10), api_base=api_base) is not None) is known
    assert (largest(provider, model, 10, 10, api_base=api_base) is not None) is known


def test_the_largest_cost_is_never_below_the_cost() -> None:
    """This holds for every split of the tokens into kinds, and for calls of today and of tomorrow."""
    for provider, models in PRICED.items():
        for model in models:
            bound = largest(provider, model, 250_000, OUTPUT_TOKENS.get(provider, 1))
            assert bound is not None
            for tokens in (
                Tokens(250_000, 0, 0, 1, 0),
                Tokens(0, 0, 250_000, 0, OUTPUT_TOKENS[provider]),
                Tokens(100_000, 100_000, 50_000, OUTPUT_TOKENS[provider], 0),
            ):
                assert dollars(provider, model, tokens) <= bound  # type: ignore[operator]  # no price is None


def test_a_price_that_rises_tomorrow_is_reserved_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The price of gemini-4-argon doubles on 1 December 2026."""
    import workbench.money.price as price

    class LastOfNovember(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]  # no other code calls it
            return datetime(2026, 11, 30, 12, tzinfo=UTC)

    monkeypatch.setattr(price, "datetime", LastOfNovember)
    assert dollars("gemini", "gemini-4-argon", Tokens(input=MILLION)) == 2.0
    assert largest("gemini", "gemini-4-argon", MILLION, 0) == 4.0


def test_the_context_window_bounds_a_reply_without_a_limit() -> None:
    assert context_tokens("gemini", "gemini-3.8-flash") == 1_000_000
    assert context_tokens("gemini", "unknown-model") is None


def test_a_cost_with_an_unknown_part_has_no_amount_and_names_the_part() -> None:
    """The known amounts are still added up."""
    known = ModelCost("gemini/gemini-3.8-flash", 1, Tokens(input=1), 0.25)
    unknown = ModelCost("openai/llama", 1, Tokens(input=1), None)
    assert Cost.of([known]).dollars == 0.25
    cost = Cost.of([known, unknown], ["runtime: command"])
    assert (cost.dollars, cost.known) == (None, 0.25)
    assert cost.untold == ("runtime: command",)
    assert cost.prices == price_data()
