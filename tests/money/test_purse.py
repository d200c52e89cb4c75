"""A budget in dollars is never overshot, and a run that has used it up ends."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import BudgetUsedUp, Interrupted
from workbench.money.purse import Confirmation, Purse, used_up_before

IN_FLIGHT = 64


@settings(max_examples=40, deadline=None)
@given(
    budget=st.floats(0.01, 20),
    calls=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=200),
    told=st.integers(0, 10),
)
def test_known_largest_costs_are_never_overshot_with_64_in_flight(
    budget: float, calls: list[tuple[float, float]], told: int
) -> None:
    """This holds for any costs, even if some calls tell no cost. Every thread ends."""
    purse = Purse(budget)
    highest = 0.0
    lock = threading.Lock()

    def make(call: tuple[int, tuple[float, float]]) -> bool:
        nonlocal highest
        number, (largest, share) = call
        try:
            reservation = purse.reserve("execute", largest)
        except BudgetUsedUp:
            return False
        purse.settle(reservation, None if number % 11 < told else largest * share)
        with lock:
            highest = max(highest, purse.spent)
        return True

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        outcomes = list(pool.map(make, enumerate(calls)))
    assert purse.spent <= budget
    assert highest <= budget
    assert purse.used_up is (not all(outcomes))


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(budget=st.floats(0.5, 10), seed=st.integers(0, 10**6))
def test_the_confirmation_can_be_paid_if_it_costs_no_more_than_the_search(budget: float, seed: int) -> None:
    """The search ends while enough is left, and the confirmation's calls then fit, one after the other."""
    rng = random.Random(seed)
    confirmation = Confirmation({"execute": 6, "score": 6}, {"execute": 0.02, "score": 0.01})
    purse = Purse(budget, confirmation=confirmation)
    largest = {"execute": 0.1, "score": 0.05}

    def buy(action: str) -> bool:
        try:
            reservation = purse.reserve(action, largest[action])
        except BudgetUsedUp:
            return False
        purse.settle(reservation, rng.uniform(0.005, 0.02 if action == "execute" else 0.01))
        return True

    def search(_: int) -> bool:
        return buy("execute") and buy("score")

    with ThreadPoolExecutor(8) as pool:
        searched = list(pool.map(search, range(400)))
    purse.confirm()
    assert not purse.used_up
    if any(searched):
        assert all(buy("execute") and buy("score") for _ in range(6))
    assert purse.spent <= budget


def test_a_call_waits_for_money_that_calls_in_flight_may_give_back() -> None:
    """It is refused only when nothing is in flight."""
    purse = Purse(1.0)
    first = purse.reserve("execute", 0.9)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(purse.reserve, "execute", 0.9)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        purse.settle(first, 0.05)
        purse.settle(second.result(5), 0.2)
    with pytest.raises(BudgetUsedUp, match=r"the budget of \$1\.00 is used up: \$0\.7500 is left") as caught:
        purse.reserve("execute", 0.9)
    for error in (caught.value, used_up_before("the rubric was drawn", 1.0)):
        assert "raise budget.dollars in the study (or --dollars of run and calibrate)" in str(error)
    assert purse.used_up


def test_the_end_of_a_run_ends_the_calls_that_wait() -> None:
    purse = Purse(1.0)
    purse.reserve("execute", 0.9)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(purse.reserve, "execute", 0.9)
        purse.close()
        with pytest.raises(Interrupted):
            waiting.result(5)


def test_a_runtime_that_tells_its_cost_afterwards_starts_one_execution_before_any_cost_is_seen() -> None:
    """Afterwards as many run as the rest can pay at the largest cost so far. Each can overshoot by one surprise."""
    purse = Purse(1.0)
    first = purse.reserve("execute", None)
    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(purse.reserve, "execute", None)
        with pytest.raises(TimeoutError):
            second.result(0.05)
        purse.settle(first, 0.3)
        running = [second.result(5), purse.reserve("execute", None)]
        # 0.70 is left: two are in flight, and a third would need 0.90.
        third = pool.submit(purse.reserve, "execute", None)
        with pytest.raises(TimeoutError):
            third.result(0.05)
        for reservation in running:
            purse.settle(reservation, 0.5)
        with pytest.raises(BudgetUsedUp):
            third.result(5)
    assert purse.spent == pytest.approx(1.3)


def test_a_cost_that_is_told_afterwards_counts_against_calls_with_a_known_largest_cost() -> None:
    """A verdict is not bought with the money that executions in flight will need."""
    purse = Purse(1.0)
    purse.settle(purse.reserve("execute", None), 0.4)
    purse.reserve("execute", None)
    with ThreadPoolExecutor(1) as pool:
        verdict = pool.submit(purse.reserve, "score", 0.3)
        with pytest.raises(TimeoutError):
            verdict.result(0.05)
        purse.close()
        with pytest.raises(Interrupted):
            verdict.result(5)


def test_what_was_spent_before_counts() -> None:
    """A run that is continued goes on with what is left."""
    with pytest.raises(BudgetUsedUp):
        Purse(1.0, spent=0.95).reserve("score", 0.1)
