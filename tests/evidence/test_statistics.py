"""The comparison of two prompts: better beyond chance, or not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence.statistics import LEVEL, RISK, WORTHWHILE, compare

scores = st.lists(st.floats(0, 10), min_size=3, max_size=6)


def test_a_large_and_steady_difference_is_better() -> None:
    """Three against three suffice for a difference far beyond the noise."""
    comparison = compare({"g": [3.4, 3.6, 3.9]}, {"g": [8.0, 8.4, 7.9]})
    assert comparison.better
    assert comparison.difference == pytest.approx(4.47, abs=0.01)
    assert comparison.low < comparison.difference < comparison.high


def test_the_same_scores_are_no_difference() -> None:
    """A search without a better prompt compares the baseline with itself."""
    comparison = compare({"g": [3.0, 4.0, 5.0]}, {"g": [3.0, 4.0, 5.0]})
    assert (comparison.difference, comparison.low, comparison.high, comparison.better) == (0.0, 0.0, 0.0, False)


def test_equal_scores_do_not_prove_that_there_is_no_noise() -> None:
    """Three scores of 3 against three scores of 3.5 are within a judge's resolution."""
    assert not compare({"g": [3.0, 3.0, 3.0]}, {"g": [3.4, 3.4, 3.4]}).better
    assert compare({"g": [3.0, 3.0, 3.0]}, {"g": [8.0, 8.0, 8.0]}).better


def test_a_certain_but_small_difference_is_not_better() -> None:
    """A difference below half a point is never better, for any number of replicates."""
    many = 500
    assert not compare({"g": [5.0, 5.2] * many}, {"g": [5.3, 5.5] * many}).better


def test_chance_is_called_better_at_most_once_in_a_hundred() -> None:
    """Of 2,000 comparisons without a real difference, hardly 1 % are called better."""
    chance = random.Random(1)

    def drawn() -> list[float]:
        return [chance.gauss(5, 0.8) for _ in range(3)]

    fooled = sum(compare({"g": drawn()}, {"g": drawn()}).better for _ in range(2000))
    assert fooled <= 30


def test_three_points_are_found_nine_times_in_ten() -> None:
    """With a noise of half a point, three replicates show a difference of three."""
    chance = random.Random(2)
    comparison = sum(
        compare({"g": [chance.gauss(4, 0.5) for _ in range(3)]}, {"g": [chance.gauss(7, 0.5) for _ in range(3)]}).better
        for _ in range(300)
    )
    assert comparison >= 270


@given(scores, scores)
def test_sides_can_be_exchanged(baseline: list[float], best: list[float]) -> None:
    """The interval of the exchanged comparison is mirrored."""
    comparison, mirrored = compare({"g": baseline}, {"g": best}), compare({"g": best}, {"g": baseline})
    assert comparison.difference == pytest.approx(-mirrored.difference)
    assert comparison.low == pytest.approx(-mirrored.high)
    assert comparison.low <= comparison.difference <= comparison.high


@given(scores, scores)
def test_a_goal_counts_once_for_any_number_of_trials(baseline: list[float], best: list[float]) -> None:
    """Means are taken over goals, not over trials."""
    comparison = compare({"a": [1.0] * 9, "b": baseline}, {"a": [1.0] * 3, "b": best})
    alone = compare({"b": baseline}, {"b": best})
    assert comparison.difference == pytest.approx(alone.difference / 2, abs=1e-9)


def test_the_interval_and_the_test_agree() -> None:
    """The interval lies above zero exactly if the test finds the difference beyond chance."""
    for gain in (0.0, 0.4, 0.9, 1.4, 2.0, 4.0):
        comparison = compare({"g": [3.0, 4.0, 3.5, 3.2]}, {"g": [3.1 + gain, 4.1 + gain, 3.3 + gain, 3.4 + gain]})
        assert (comparison.p < RISK) == (comparison.low > 0)


def test_each_decision_has_its_case() -> None:
    """The decisions are: better, surely too small, not sure yet, and not better."""
    steady = {"g": [5.0] * 12}
    assert compare({"g": [3.0, 3.1, 2.9]}, {"g": [8.0, 8.1, 7.9]}).decision == "better"
    assert compare(steady, {"g": [5.4] * 12}).decision == "too small"
    assert compare({"g": [3.0, 5.0, 4.0]}, {"g": [4.0, 6.0, 5.0]}).decision == "not sure"
    assert compare({"g": [5.0, 5.1, 5.2]}, {"g": [3.0, 3.1, 3.2]}).decision == "not better"


def test_more_replicates_are_forecast() -> None:
    """With the same means and noise, the forecast number of replicates decides. A decided comparison needs no more."""
    baseline, best = [3.0, 5.0] * 2, [4.0, 6.0] * 2
    unsure = compare({"g": baseline}, {"g": best})
    assert unsure.more is not None
    repeats = (4 + unsure.more) // 4 + 1
    assert compare({"g": baseline * repeats}, {"g": best * repeats}).better
    assert compare({"g": [3.0, 3.1, 2.9]}, {"g": [8.0, 8.1, 7.9]}).more is None


def test_the_readme_names_the_thresholds() -> None:
    """Whoever reads a report can look up what its words mean."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    level, risk = f"at {LEVEL * 100:.0f} %", f"a risk of {RISK * 100:.0f} %"
    for words in (f"gain is beyond chance and is {WORTHWHILE} points", risk, level):
        assert words in readme
