"""Is one candidate better than another, or was it luck?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance

#: Confidence of the interval, and the risk that is run in calling a prompt better that is not. A study may be run every
#: night: at 1 % a lucky score passes for a better prompt in one of a hundred.
CONFIDENCE = 0.95
RISK = 0.01
#: Points below which a difference is not worth a change of prompt, however certain it is.
WORTHWHILE = 0.5
#: A judge's resolution in points. Three equal scores do not prove that there is no noise.
FLOOR = 0.25


@dataclass(frozen=True)
class Comparison:
    """Means, and the difference best − baseline with its interval, in points; `p` is one-sided."""

    baseline: float
    best: float
    difference: float
    low: float
    high: float
    p: float

    @property
    def better(self) -> bool:
        """Beyond chance, and worth it."""
        return self.p < RISK and self.difference >= WORTHWHILE


def compare(baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]]) -> Comparison:
    """Compare two candidates' scores, given by goal; at least two for each goal.

    Goals are blocks: the difference is the mean of the goals' differences. Its variance comes from the sample variances
    within goals, its degrees of freedom from Welch–Satterthwaite (Welch, Biometrika 34, 1947).
    """
    # Imported here: it takes half a second, which only a comparison is worth.
    from scipy import stats

    means = [fmean(fmean(side[goal]) for goal in baseline) for side in (baseline, best)]
    difference = means[1] - means[0]
    if baseline == best:
        return Comparison(means[0], means[1], 0.0, 0.0, 0.0, 1.0)
    parts = [(_variance(side[goal]), len(side[goal])) for goal in baseline for side in (baseline, best)]
    error = math.sqrt(sum(part / count for part, count in parts)) / len(baseline)
    freedom = sum(part / count for part, count in parts) ** 2 / sum(
        (part / count) ** 2 / (count - 1) for part, count in parts
    )
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = float(stats.t.sf(difference / error, freedom))
    return Comparison(means[0], means[1], difference, difference - reach, difference + reach, p)


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """The mean's interval of one candidate on one goal, cut to 0 and 10; at least two scores."""
    from scipy import stats

    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(scores) - 1)) * math.sqrt(_variance(scores) / len(scores))
    return max(0.0, fmean(scores) - reach), min(10.0, fmean(scores) + reach)


def _variance(scores: Sequence[float]) -> float:
    return max(variance(scores), FLOOR**2)
