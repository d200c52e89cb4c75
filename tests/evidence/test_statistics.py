"""Better beyond chance, or not."""

from __future__ import annotations

import random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence.statistics import RISK, compare, interval, mean_interval

scores = st.lists(st.floats(0, 10), min_size=3, max_size=6)


def test_a_large_and_steady_difference_is_better() -> None:
    """Three against three suffice for a difference far beyond the noise."""
    found = compare({"g": [3.4, 3.6, 3.9]}, {"g": [8.0, 8.4, 7.9]})
    assert found.better
    assert found.difference == pytest.approx(4.47, abs=0.01)
    assert found.low < found.difference < found.high


def test_the_same_scores_are_no_difference() -> None:
    """A search that found nothing compares the baseline with itself."""
    found = compare({"g": [3.0, 4.0, 5.0]}, {"g": [3.0, 4.0, 5.0]})
    assert (found.difference, found.low, found.high, found.better) == (0.0, 0.0, 0.0, False)


def test_equal_scores_do_not_prove_that_there_is_no_noise() -> None:
    """Three threes against three and a half are within a judge's resolution."""
    assert not compare({"g": [3.0, 3.0, 3.0]}, {"g": [3.4, 3.4, 3.4]}).better
    assert compare({"g": [3.0, 3.0, 3.0]}, {"g": [8.0, 8.0, 8.0]}).better


def test_a_certain_trifle_is_not_worth_a_change() -> None:
    """Below half a point nothing is better, however many replicates say so."""
    many = 500
    assert not compare({"g": [5.0, 5.2] * many}, {"g": [5.3, 5.5] * many}).better


def test_luck_passes_for_better_at_most_once_in_a_hundred() -> None:
    """In a world where nothing differs, of 2,000 comparisons hardly 1 % are called better."""
    chance = random.Random(1)

    def drawn() -> list[float]:
        return [chance.gauss(5, 0.8) for _ in range(3)]

    fooled = sum(compare({"g": drawn()}, {"g": drawn()}).better for _ in range(2000))
    assert fooled <= 30


def test_three_points_are_found_nine_times_in_ten() -> None:
    """With a noise of half a point, three replicates show a difference of three."""
    chance = random.Random(2)
    found = sum(
        compare({"g": [chance.gauss(4, 0.5) for _ in range(3)]}, {"g": [chance.gauss(7, 0.5) for _ in range(3)]}).better
        for _ in range(300)
    )
    assert found >= 270


@given(scores, scores)
def test_sides_can_be_exchanged(one: list[float], other: list[float]) -> None:
    """The interval of the exchanged comparison is the mirrored one."""
    here, there = compare({"g": one}, {"g": other}), compare({"g": other}, {"g": one})
    assert here.difference == pytest.approx(-there.difference)
    assert here.low == pytest.approx(-there.high)
    assert here.low <= here.difference <= here.high


@given(scores, scores)
def test_a_goal_counts_once_however_often_it_was_tried(one: list[float], other: list[float]) -> None:
    """Means are taken over goals, not over trials."""
    found = compare({"a": [1.0] * 9, "b": one}, {"a": [1.0] * 3, "b": other})
    alone = compare({"b": one}, {"b": other})
    assert found.difference == pytest.approx(alone.difference / 2, abs=1e-9)


def test_the_interval_and_the_test_agree() -> None:
    """The interval lies above zero exactly if the test finds the difference beyond chance."""
    for gain in (0.0, 0.4, 0.9, 1.4, 2.0, 4.0):
        comparison = compare({"g": [3.0, 4.0, 3.5, 3.2]}, {"g": [3.1 + gain, 4.1 + gain, 3.3 + gain, 3.4 + gain]})
        assert (comparison.p < RISK) == (comparison.low > 0)


def test_each_decision_has_its_case() -> None:
    """Better, surely too small, not sure yet, and not better."""
    steady = {"g": [5.0] * 12}
    assert compare({"g": [3.0, 3.1, 2.9]}, {"g": [8.0, 8.1, 7.9]}).decision == "better"
    assert compare(steady, {"g": [5.4] * 12}).decision == "too small"
    assert compare({"g": [3.0, 5.0, 4.0]}, {"g": [4.0, 6.0, 5.0]}).decision == "not sure"
    assert compare({"g": [5.0, 5.1, 5.2]}, {"g": [3.0, 3.1, 3.2]}).decision == "not better"


def test_more_replicates_are_forecast() -> None:
    """As many as the forecast says, with the same means and noise, decide; a decided comparison needs no more."""
    baseline, best = [3.0, 5.0] * 2, [4.0, 6.0] * 2
    unsure = compare({"g": baseline}, {"g": best})
    assert unsure.more is not None
    repeats = (4 + unsure.more) // 4 + 1
    assert compare({"g": baseline * repeats}, {"g": best * repeats}).better
    assert compare({"g": [3.0, 3.1, 2.9]}, {"g": [8.0, 8.1, 7.9]}).more is None


def test_the_interval_of_a_mean_over_goals_is_that_of_the_goal_if_there_is_one() -> None:
    """With several goals, each counts the same, and the interval is narrower than that of any single goal."""
    scores = [4.0, 5.0, 7.0]
    mean, low, high = mean_interval({"a": scores})
    assert (mean, low, high) == pytest.approx((fmean(scores), *interval(scores)))
    mean, low, high = mean_interval({"a": scores, "b": [score + 1 for score in scores]})
    assert mean == pytest.approx(fmean(scores) + 0.5)
    assert high - low < interval(scores)[1] - interval(scores)[0]
    assert mean_interval({"a": [0.0, 0.1, 0.0]})[1] == 0.0
