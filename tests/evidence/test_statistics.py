"""The comparison of two candidates in a report, and the interval of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.evidence.promotion import ALPHA, ALPHA_AUTO
from workbench.evidence.statistics import (
    LEVEL,
    WORTHWHILE,
    compare,
    compare_in_steps,
    compare_with_itself,
    mean_interval,
    mean_score,
)

LOW, HIGH = [3.0, 3.2, 3.1, 2.9], [7.9, 8.1, 8.3, 8.0]


def test_a_comparison_has_one_of_four_outcomes() -> None:
    """Better, surely too small, not sure yet, and not better."""
    assert compare({"g": LOW}, {"g": HIGH}).outcome == "better"
    assert compare({"g": [5.0] * 12}, {"g": [5.4] * 12}).outcome == "too small"
    assert compare({"g": [3.0, 5.0, 4.0]}, {"g": [4.0, 6.0, 5.0]}).outcome == "not sure"
    assert compare({"g": HIGH}, {"g": LOW}).outcome == "not better"


def test_a_search_that_found_nothing_has_its_score_and_no_difference() -> None:
    comparison = compare_with_itself({"g": [3.0, 4.0, 5.0]})
    assert (comparison.baseline, comparison.best, comparison.better) == (4.0, 4.0, False)
    assert (comparison.decision.difference, comparison.decision.low, comparison.decision.high) == (0.0, 0.0, 0.0)


def test_a_comparison_in_steps_waits_for_its_pairs() -> None:
    assert compare_in_steps({"g": LOW[:3]}, {"g": HIGH[:3]}, pairs=8, alpha=ALPHA) is None
    comparison = compare_in_steps({"g": LOW}, {"g": HIGH}, pairs=8, alpha=ALPHA)
    assert comparison is not None
    assert comparison.outcome == "better"
    assert comparison.best == pytest.approx(8.075)


def test_a_goal_counts_once_however_often_it_was_tried() -> None:
    """Means are taken over goals, not over trials."""
    comparison = compare({"a": [1.0] * 9, "b": LOW}, {"a": [1.0] * 3, "b": HIGH})
    assert comparison.decision.difference == pytest.approx(compare({"b": LOW}, {"b": HIGH}).decision.difference / 2)


def test_equal_scores_do_not_prove_that_there_is_no_noise() -> None:
    """The interval of a mean is never empty. It ends at the ends of the scale."""
    _, low, high = mean_interval({"g": [3.0, 3.0, 3.0]})
    assert low < 3.0 < high
    assert mean_interval({"g": [9.9, 10.0]})[2] == 10.0
    assert mean_interval({"a": [3.0, 5.0], "b": [7.0, 9.0]})[0] == 6.0


def test_the_noise_of_the_search_counts_in_the_interval_of_a_mean() -> None:
    """Few scores say little about their variance. The noise counts as much as 21 scores of this noise."""
    scores = {"g": [5.0, 6.0, 5.5, 5.5]}
    lone, pooled = mean_score(scores), mean_score(scores, noise=1.2)
    assert (lone.score, pooled.score, pooled.level) == (5.5, 5.5, LEVEL)
    assert lone.high is not None
    assert pooled.high is not None
    # Student's t with 23 degrees of freedom, and the pooled variance (3 * 1/6 + 20 * 1.44) / 23.
    assert pooled.high - 5.5 == pytest.approx(1.7139 * (29.3 / 23 / 4) ** 0.5, abs=1e-3)
    higher = mean_score(scores, 0.98, 1.2).high
    assert higher is not None
    assert higher > pooled.high
    assert mean_score({"g": [5.0]}, noise=1.2).low is None


def test_the_readme_names_the_thresholds() -> None:
    """Whoever reads a report can look up what its words mean."""
    readme = " ".join((Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8").split())
    for words in (
        f"In at most {ALPHA * 100:.0f} % of all runs, it calls a prompt better although the prompt is no better.",
        f"With `promote: auto`, where no person looks at the result, the risk is {ALPHA_AUTO * 100:.0f} %.",
        f"{WORTHWHILE} points or more",
        f"at {LEVEL * 100:.0f} %",
    ):
        assert words in readme
