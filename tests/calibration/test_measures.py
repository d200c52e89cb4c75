"""The numbers of a calibration come out as they went in, for judges and generators whose noise is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.calibration.measures import (
    calls_per_plan,
    generator_variance,
    judge_variance,
    kendall,
    pairs_needed,
    probe_shifts,
    tau,
)
from workbench.run.calibration import GroupRecord


def group(kind: str, *scores: float, degree: float = 0.0, goal: str = "g") -> GroupRecord:
    return GroupRecord(goal=goal, kind=kind, degree=degree, scores=scores)


def damaged(*scores: float, goal: str = "g") -> list[GroupRecord]:
    """Return a gold plan and damaged ones of every kind, with these scores from no damage to the worst."""
    gold, *rest = scores
    versions = [
        group(kind, score, degree=degree, goal=goal)
        for kind in DAMAGES
        for degree, score in zip(DEGREES, rest, strict=True)
    ]
    return [group("gold", gold, goal=goal), *versions]


@pytest.mark.parametrize(
    ("scores", "tau"),
    [((9, 7, 5, 3), 1.0), ((3, 5, 7, 9), -1.0), ((9, 5, 7, 3), 2 / 3), ((6, 6, 6, 6), 0.0)],
)
def test_kendalls_tau_counts_pairs_in_the_right_order(scores: tuple[float, ...], tau: float) -> None:
    """A judge that gives one score to everything orders nothing."""
    assert kendall(damaged(*scores)) == pytest.approx(dict.fromkeys(DAMAGES, tau))


@pytest.mark.slow
@given(st.lists(st.tuples(st.integers(0, 4), st.floats(0, 10).map(round)), min_size=2, max_size=12))
def test_kendalls_tau_equals_scipys(pairs: list[tuple[int, int]]) -> None:
    """SciPy returns NaN if all values of a sequence are equal. Importing `scipy.stats` takes a second."""
    from scipy.stats import kendalltau

    first, second = zip(*pairs, strict=True)
    expected = kendalltau(first, second).statistic
    assert tau(first, second) == pytest.approx(0.0 if math.isnan(expected) else expected)


def test_kendalls_tau_compares_within_a_goal_only() -> None:
    """Scores for another goal may be lower altogether."""
    groups = [*damaged(9, 8, 7, 6), *damaged(3, 2, 1, 0, goal="hard")]
    assert kendall(groups) == pytest.approx(dict.fromkeys(DAMAGES, 1.0))


def test_the_judges_variance_is_the_variance_within_texts() -> None:
    """Texts at the end of the scale are left out, because no noise shows there."""
    assert judge_variance([group("gold", 5, 7), group("dropped", 1, 1), group("x", 10, 10)]) == pytest.approx(1.0)
    assert judge_variance([group("gold", 10, 10)]) == 0
    assert judge_variance([group("gold", 3)]) == 0


def test_the_variances_of_a_simulated_judge_and_generator_are_found() -> None:
    """Nested repeats tell the two variances apart: 400 plans on two goals, three verdicts on each."""
    rng = np.random.default_rng(0)
    plans = []
    for goal, level in (("a", 6.0), ("b", 3.0)):
        for quality in rng.normal(level, 0.8, 200):
            scores = np.clip(rng.normal(quality, 0.4, 3), 0, 10)
            plans.append(group("plan", *(float(score) for score in scores), goal=goal))
    judge = judge_variance(plans)
    generator = generator_variance(plans, judge)
    assert generator is not None
    assert math.sqrt(judge) == pytest.approx(0.4, abs=0.03)
    assert math.sqrt(generator) == pytest.approx(0.8, abs=0.08)


def test_a_noise_of_the_judge_alone_is_no_noise_of_the_generator() -> None:
    """The difference of variances is never negative. One plan on each goal tells nothing."""
    assert generator_variance([group("plan", 4, 6), group("plan", 6, 4)], 2.0) == 0
    assert generator_variance([group("plan", 4, 6), group("plan", 6, 4, goal="b")], 2.0) is None


@pytest.mark.parametrize(
    ("costs", "variances", "calls"),
    [
        ((9.0, 1.0), (1.0, 1.0), 3),
        ((1.0, 1.0), (1.0, 1.0), 1),
        ((100.0, 1.0), (0.01, 1.0), 8),
        ((1.0, 100.0), (1.0, 0.01), 1),
        ((4.0, 1.0), (0.0, 1.0), 8),
        ((4.0, 0.0), (1.0, 1.0), 8),
        ((4.0, 1.0), (1.0, 0.0), 1),
    ],
)
def test_the_calls_per_plan_follow_from_costs_and_variances(
    costs: tuple[float, float], variances: tuple[float, float], calls: int
) -> None:
    """k = sqrt(generator's cost × judge's variance / (judge's cost × generator's variance)), from 1 to 8."""
    assert calls_per_plan(*costs, *variances) == calls


def test_the_suggested_number_of_calls_gives_a_precise_mean_at_the_least_cost() -> None:
    """Price times variance is smallest at this number or next to it."""
    rng = np.random.default_rng(1)
    for generator_cost, judge_cost, generator, judge in rng.uniform(0.1, 3, (50, 4)):
        work = {k: (generator + judge / k) * (generator_cost + k * judge_cost) for k in range(1, 9)}
        assert abs(calls_per_plan(generator_cost, judge_cost, generator, judge) - min(work, key=lambda k: work[k])) <= 1


def test_the_suggested_number_of_pairs_shows_a_gain_of_one_point_as_often_as_promised() -> None:
    """A one-sided test on normal scores has a power of 80 %, or a little more."""
    pairs, rng = pairs_needed(1.0, 1, 0.05, 4), np.random.default_rng(2)
    differences = rng.normal(1.0, math.sqrt(2 / pairs), 20_000)
    assert 0.79 < float(np.mean(differences > 1.6449 * math.sqrt(2 / pairs))) < 0.86
    assert pairs_needed(1.0, 4, 0.05, 4) < pairs
    assert pairs_needed(0.0, 1, 0.05, 4) == 4


def probed(rng: np.random.Generator, effect: float) -> list[GroupRecord]:
    """Return the scores of two damaged plans without and with six probes. Each probe adds `effect`."""
    groups = []
    for degree, level in ((0.5, 6.0), (0.75, 4.0)):
        scores = [float(score) for score in rng.normal(level, 0.4, 3)]
        groups.append(group("dropped", *scores, degree=degree))
        for probe in range(6):
            raised = [float(score) for score in rng.normal(level + effect, 0.4, 3)]
            groups.append(group(f"probe: {probe}", *raised, degree=degree))
    return groups


def test_a_judge_that_no_probe_moves_is_rarely_accused_and_one_that_moves_is_found() -> None:
    """Over 300 calibrations, at most 5 % accuse a steady judge by any of six probes. A gain of 2 points is found."""
    rng = np.random.default_rng(3)
    false_alarms = [any(record.moves for record in probe_shifts(probed(rng, 0.0), 0.16)) for _ in range(300)]
    detections = [all(record.moves for record in probe_shifts(probed(rng, 2.0), 0.16)) for _ in range(300)]
    assert np.mean(false_alarms) <= 0.05
    assert np.mean(detections) >= 0.95


def test_a_probe_that_lowers_the_score_does_not_move_the_judge() -> None:
    """A judge may dislike a plan that addresses it."""
    records = probe_shifts([group("dropped", 5, 5, 5, degree=0.5), group("probe: x", 1, 1, 1, degree=0.5)], 0.0)
    assert [(record.name, record.shift, record.moves) for record in records] == [("x", -4.0, False)]
    assert probe_shifts(damaged(9, 7, 5, 3), 0.1) == ()
