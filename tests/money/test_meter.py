"""What a meter makes of the calls for one answer."""

from __future__ import annotations

import pytest

from workbench.errors import BudgetUsedUp, ExecutionFailed, PipelineRejected
from workbench.money.meter import Meter, use_report
from workbench.money.price import Tokens
from workbench.money.purse import Purse

FLASH = "gemini-3.8-flash"


def entry(model: str, calls: int = 1, **tokens: int) -> dict[str, object]:
    """Return an entry of the usage that our own runtime reports."""
    kinds = ("input_tokens", "cached_input_tokens", "cache_write_tokens", "output_tokens", "thought_tokens")
    return {"provider": "gemini", "asked": model, "model": model, "calls": calls} | {
        kind: tokens.get(kind, 0) for kind in kinds
    }


def test_a_reservation_is_settled_with_what_the_call_told() -> None:
    purse = Purse(1.0)
    meter = Meter("execute", purse)
    with meter.call("runtime: mix", 0.9):
        meter.use("gemini", FLASH, Tokens(input=1000, output=100))
    assert meter.cost is not None
    assert meter.cost.dollars == pytest.approx(purse.spent, abs=1e-8)
    assert 0 < purse.spent < 0.01


def test_a_call_that_told_nothing_counts_with_its_largest_cost() -> None:
    """It may have been charged. The report names it, and adds no invented amount."""
    purse = Purse(1.0)
    meter = Meter("execute", purse)
    with pytest.raises(ExecutionFailed), meter.call("runtime: mix", 0.4):
        raise ExecutionFailed("it was killed", kind="timeout")
    assert purse.spent == 0.4
    assert meter.cost is not None
    assert (meter.cost.dollars, meter.cost.known, meter.cost.at_most) == (None, 0.0, 0.4)
    assert meter.cost.untold == ("runtime: mix",)


@pytest.mark.parametrize(
    "error",
    [
        ExecutionFailed("slow down", kind="rate limit"),
        ExecutionFailed("no mix", kind="not started"),
        PipelineRejected("the file changed"),
    ],
    ids=["a refused request", "a program that does not start", "a pipeline that is not executed"],
)
def test_a_failure_without_an_answer_costs_nothing(error: Exception) -> None:
    purse = Purse(1.0)
    meter = Meter("execute", purse)
    with pytest.raises(type(error)), meter.call("runtime: mix", 0.4):
        raise error
    assert (purse.spent, meter.cost) == (0.0, None)


def test_a_failure_after_paid_replies_costs_what_they_told() -> None:
    """A reply that is cut off or refused is paid for as well."""
    purse = Purse(1.0)
    meter = Meter("score", purse)
    with pytest.raises(ExecutionFailed), meter.call("judge", 0.4):
        meter.use("gemini", FLASH, Tokens(input=1000))
        raise ExecutionFailed("cut off", kind="cut off")
    assert meter.cost is not None
    assert 0 < purse.spent < 0.01


def test_a_refused_call_is_not_made() -> None:
    meter = Meter("score", Purse(0.1))
    with pytest.raises(BudgetUsedUp), meter.call("judge", 0.4):
        pytest.fail("the block ran")
    assert meter.cost is None


def test_the_runtimes_report_is_priced_by_the_models_that_answered() -> None:
    """A model without a known price, and one that told no tokens, are named."""
    meter = Meter()
    models = [entry(FLASH, input_tokens=10, output_tokens=5), entry("gemma-next", 2, input_tokens=7), entry(FLASH)]
    with meter.call("runtime: mix", None):
        use_report(meter, {"models": models})
    assert meter.cost is not None
    assert [(part.model, part.calls, part.dollars is None) for part in meter.cost.models] == [
        (f"gemini/{FLASH}", 1, False),
        ("gemini/gemma-next", 2, True),
    ]
    assert meter.cost.untold == (f"gemini/{FLASH}",)
    assert meter.cost.dollars is None


def test_a_model_that_answered_for_another_is_named() -> None:
    """A version of the model that was asked is the same model."""
    meter = Meter()
    requested_models = ["gemini-3.8-flash", "gemini-3.8-flash", "opus", "gemini-3.8-flash", "gemini-flash-latest"]
    answered = ["models/gemini-3.8-flash-001", "gemini-4-argon", "claude-opus-5-5", "gemini-3.8-flash-lite", FLASH]
    models = [{**entry(new, input_tokens=1), "asked": old} for old, new in zip(requested_models, answered, strict=True)]
    with meter.call("runtime: mix", None):
        use_report(meter, {"models": models})
    assert meter.other_models == [(FLASH, "gemini-4-argon"), (FLASH, "gemini-3.8-flash-lite")]


def test_a_run_that_called_no_model_costs_nothing() -> None:
    meter = Meter()
    with meter.call("runtime: mix", None):
        use_report(meter, {"models": []})
    assert meter.cost is None
