"""Decides whether one candidate is better than another, or whether the difference can be chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

#: The accepted risk of calling a prompt better that is not. A study may run every night. At 1 %, a lucky score passes
#: for a better prompt in one night of a hundred.
RISK = 0.01
#: The level of all intervals. It fits the one-sided test at RISK: the interval of a difference lies above zero exactly
#: if the test finds the difference beyond chance.
LEVEL = 1 - 2 * RISK
#: The smallest difference in points that is worth a change of prompt, even for a certain difference.
WORTHWHILE = 0.5
#: The smallest standard deviation in points that is assumed. Three equal scores do not prove that there is no noise.
FLOOR = 0.25
#: The most replicates that a forecast looks at. A difference that needs more is too small to be measured this way.
MOST_REPLICATES = 100

Decision = Literal["better", "too small", "not sure", "not better"]


@dataclass(frozen=True)
class Comparison:
    """The means of two candidates, and the difference best − baseline with its interval at LEVEL. All are in points.

    Attributes:
        p: the one-sided p-value of the difference.
        more: how many more replicates of both candidates on each goal would decide, if means and noise stay as they
            are; None if the comparison is decided, or if MOST_REPLICATES would not be enough.
    """

    baseline: float
    best: float
    difference: float
    low: float
    high: float
    p: float
    more: int | None = None

    @property
    def decision(self) -> Decision:
        """Return what the numbers say: a gain beyond chance, a gain that is too small, not sure yet, or no gain."""
        if self.p < RISK:
            return "better" if self.difference >= WORTHWHILE else "too small"
        return "not sure" if self.difference > 0 else "not better"

    @property
    def better(self) -> bool:
        """Return True if the difference is beyond chance and large enough to be worth it."""
        return self.decision == "better"


def compare(baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]]) -> Comparison:
    """Compare the scores of two candidates. Each side has at least two scores for each goal, by the goal's name.

    Goals are blocks: the difference is the mean of the goals' differences. Its variance comes from the sample variances
    within goals, and its degrees of freedom from Welch–Satterthwaite (Welch, Biometrika 34, 1947).
    """
    means = [fmean(fmean(side[goal]) for goal in baseline) for side in (baseline, best)]
    difference = means[1] - means[0]
    if baseline == best:
        return Comparison(means[0], means[1], 0.0, 0.0, 0.0, 1.0)
    samples = [(_variance(side[goal]), len(side[goal])) for goal in baseline for side in (baseline, best)]
    p, reach = _test(difference, samples, len(baseline))
    more = _more_replicates(difference, samples, len(baseline)) if difference > 0 and p >= RISK else None
    return Comparison(means[0], means[1], difference, difference - reach, difference + reach, p, more)


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """Return the interval at LEVEL of one candidate's mean on one goal, cut to 0 and 10. Needs at least two scores."""
    # SciPy's import takes time. Only a comparison pays for it. `scipy.stats` would take ten times as long.
    from scipy import special

    reach = float(special.stdtrit(len(scores) - 1, (1 + LEVEL) / 2)) * math.sqrt(_variance(scores) / len(scores))
    return max(0.0, fmean(scores) - reach), min(10.0, fmean(scores) + reach)


def mean_interval(scores: Mapping[str, Sequence[float]]) -> tuple[float, float, float]:
    """Return one candidate's mean over its goals, and the interval of this mean at LEVEL, cut to 0 and 10.

    Each goal has at least two scores.
    """
    mean = fmean(fmean(values) for values in scores.values())
    _, reach = _test(0.0, [(_variance(values), len(values)) for values in scores.values()], len(scores))
    return mean, max(0.0, mean - reach), min(10.0, mean + reach)


def _test(difference: float, samples: Sequence[tuple[float, int]], goals: int) -> tuple[float, float]:
    """Return the one-sided p-value of a difference, and half the width of its interval.

    Args:
        samples: variance and number of scores, for each candidate on each goal.
    """
    from scipy import special

    error = math.sqrt(sum(spread / count for spread, count in samples)) / goals
    freedom = sum(spread / count for spread, count in samples) ** 2 / sum(
        (spread / count) ** 2 / (count - 1) for spread, count in samples
    )
    return float(special.stdtr(freedom, -difference / error)), float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * error


def _more_replicates(difference: float, samples: Sequence[tuple[float, int]], goals: int) -> int | None:
    """Return how many more replicates would decide if means and variances stay as they are."""
    made = max(count for _, count in samples)
    for total in range(made + 1, MOST_REPLICATES + 1):
        p, _ = _test(difference, [(spread, total) for spread, _ in samples], goals)
        if p < RISK:
            return total - made
    return None


def _variance(scores: Sequence[float]) -> float:
    return max(variance(scores), FLOOR**2)
