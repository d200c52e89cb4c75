"""A decision on finished samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence.promotion import ALPHA, MOST_REPLICATES, Decision, decide

scores = st.lists(st.integers(0, 100).map(lambda tenths: tenths / 10), min_size=1, max_size=6)
LOW, HIGH = [3.0, 3.2, 3.1, 2.9], [7.9, 8.1, 8.3, 8.0]


def test_a_clear_gain_promotes() -> None:
    """Of 70 ways to exchange the labels of four and four scores, only the measured one separates them."""
    decision = decide(LOW, HIGH)
    assert decision.difference == pytest.approx(5.025)
    assert decision == Decision("promote", 1 / 70, decision.difference, decision.low, decision.high, 0.9, None)
    assert 4.5 < decision.low < decision.difference < decision.high < 5.5


def test_a_clear_loss_keeps_the_champion() -> None:
    decision = decide(HIGH, LOW)
    assert (decision.verdict, decision.p, decision.more) == ("keep", 1.0, None)
    assert decision.high < 0


def test_one_failed_execution_does_not_hide_a_clear_gain() -> None:
    """A zero among nines makes a t interval useless. The exchange of labels still shows the gain."""
    assert decide([3.0, 3.1, 2.9, 3.2, 3.0, 3.1], [9.0, 9.1, 8.9, 9.2, 0.0, 9.0]).verdict == "promote"


def test_three_against_three_cannot_reach_one_percent() -> None:
    """There are only 20 ways to exchange the labels."""
    decision = decide(LOW[:3], HIGH[:3], alpha=0.01)
    assert (decision.verdict, decision.p, decision.more) == ("undecided", 0.05, 2)
    assert 1 / math.comb(10, 5) <= 0.01


def test_a_margin_asks_for_more_and_a_negative_one_allows_a_loss() -> None:
    """A requalification accepts a champion that lost less than half a point."""
    assert decide(LOW, HIGH, margin=5.5).verdict == "keep"
    slightly_worse = [score - 0.1 for score in HIGH]
    assert decide(HIGH, slightly_worse).verdict == "undecided"
    assert decide(HIGH, slightly_worse, margin=-0.8).verdict == "promote"


def test_each_goal_is_compared_with_itself_and_counts_alike() -> None:
    """The difference between goals is no difference between prompts."""
    easy, hard = [8.0, 8.1, 8.2], [2.0, 2.1, 2.2]
    better = {"easy": [score + 1 for score in easy], "hard": [score + 1 for score in hard]}
    champion = {"easy": easy, "hard": hard}
    assert decide(champion, better).verdict == "promote"
    assert decide(champion, better).difference == pytest.approx(1.0)
    assert decide(easy + hard, better["easy"] + better["hard"]).verdict == "undecided"


def test_as_many_more_replicates_as_forecast_decide() -> None:
    """With the same means and noise, as many as the forecast says decide."""
    champion, challenger = [3.0, 5.0] * 2, [4.0, 6.0] * 2
    unsure = decide(champion, challenger)
    assert unsure.more is not None
    repeats = (4 + unsure.more) // 4 + 1
    assert decide(champion * repeats, challenger * repeats).verdict == "promote"
    assert decide([0.0, 10.0], [0.1, 10.0]).more is None
    assert MOST_REPLICATES == 100


@given(scores, scores)
def test_the_interval_and_the_test_agree(champion: list[float], challenger: list[float]) -> None:
    """The interval lies above zero exactly if the prompt is promoted. It holds the difference."""
    decision = decide(champion, challenger)
    assert decision.low <= decision.difference <= decision.high
    assert (decision.low > 0) == (decision.verdict == "promote")
    assert decision == decide(champion, challenger)


@given(scores, scores)
def test_exchanging_the_two_sides_mirrors_the_interval(one: list[float], other: list[float]) -> None:
    """The interval of the exchanged decision is the mirrored one."""
    here, there = decide(one, other), decide(other, one)
    assert here.difference == pytest.approx(-there.difference)
    assert here.low == pytest.approx(-there.high)


@pytest.mark.slow
@pytest.mark.parametrize("draw", ["normal", "zero or one", "skewed", "tenths"])
@pytest.mark.parametrize("sizes", [(4, 4), (3, 7), (8, 8)])
def test_a_prompt_that_is_no_better_is_promoted_at_most_in_one_of_twenty(draw: str, sizes: tuple[int, int]) -> None:
    """bench/promotion.py measures this with more trials and more cells."""
    rng, trials = np.random.default_rng(0), 300
    draws: dict[str, Callable[[int], np.ndarray]] = {
        "normal": lambda n: rng.normal(5, 1, n),
        "zero or one": lambda n: 10.0 * (rng.random(n) < 0.7),
        "skewed": lambda n: np.minimum(10, rng.exponential(2, n)),
        "tenths": lambda n: np.round(rng.normal(5, 0.3, n), 1),
    }
    promoted = sum(decide(*(draws[draw](size).tolist() for size in sizes)).verdict == "promote" for _ in range(trials))
    assert promoted / trials <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


@pytest.mark.parametrize(
    ("champion", "challenger", "words"),
    [
        ([], [1.0], "a side has no score"),
        ([1.0], [math.nan], "a score is no number"),
        ({"a": [1.0]}, {"b": [1.0]}, "the goals differ"),
        ({}, {}, "a side has no goal"),
        ({1: [1.0], "a": [1.0]}, {1: [1.0]}, "the goals differ: 1, a and 1"),
        ([1.0, None], [1.0], "a score is no number: None"),
        ("12", [1.0], "a score is no number: '1'"),
        ([[1.0, 2.0]], [1.0], "a score is no number"),
    ],
)
def test_an_invalid_sample_is_refused(champion: object, challenger: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decide(champion, challenger)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("settings", [{"margin": math.nan}, {"alpha": 0.0}, {"alpha": 0.6}, {"alpha": math.nan}])
def test_a_margin_or_a_risk_out_of_range_is_refused(settings: dict[str, float]) -> None:
    """A margin that is no number would promote everything."""
    with pytest.raises(ValueError, match="expected a number of points, and a risk above 0"):
        decide([3.0], [4.0], **settings)  # type: ignore[arg-type]  # the names are right


def test_any_kind_of_sequence_is_a_sample() -> None:
    here = decide([5.0, 6.0, 5.0, 6.0], [8.0, 8.0, 9.0, 9.0])
    kinds: list[Callable[[list[float]], Any]] = [
        tuple,
        iter,
        np.array,
        lambda scores: np.array(scores, dtype="f4"),
        lambda scores: list(map(int, scores)),
    ]
    for kind in kinds:
        assert decide(kind([5.0, 6.0, 5.0, 6.0]), kind([8.0, 8.0, 9.0, 9.0])) == here


@pytest.mark.parametrize(
    ("champion", "challenger", "verdict"),
    [([7.0, 5.0, 6.0, 4.0, 5.0, 5.0], [6.0, 8.0, 6.0, 7.0, 6.0, 6.0], "promote"),
     ([5.7, 4.4, 6.6, 4.7, 6.4, 5.4], [5.8, 6.3, 6.3, 5.7, 6.9, 6.7], "undecided")],
)  # fmt: skip
def test_with_ties_the_interval_agrees_with_the_verdict(
    champion: list[float], challenger: list[float], verdict: str
) -> None:
    """Ties put the lower end on zero, and rounding would put it on either side."""
    decision = decide(champion, challenger)
    assert decision.verdict == verdict
    assert decision.low == pytest.approx(0.0, abs=1e-12)
    assert (decision.low > 0) == (verdict == "promote")
