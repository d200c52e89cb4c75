"""Compares two candidates for a report: their means, the decision about them, and intervals of single means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

from workbench.evidence.gate import decide_in_steps
from workbench.evidence.promotion import ALPHA, Decision, decide

#: The level of the interval of a single mean. Beside a decision, the interval has the decision's level instead.
LEVEL = 1 - 2 * ALPHA
#: The smallest difference in points that is worth a change of prompt, however certain the difference is.
WORTHWHILE = 0.5
#: The smallest standard deviation in points that is assumed. Three equal scores do not prove that there is no noise.
LEAST_DEVIATION = 0.25
#: The degrees of freedom for which the search's noise counts in the interval of a mean.
POOLED_DEGREES = 20

Outcome = Literal["better", "too small", "not sure", "not better"]


@dataclass(frozen=True)
class Comparison:
    """The means of two candidates, and the decision whether the best replaces the baseline. All are in points."""

    baseline: float
    best: float
    decision: Decision

    @property
    def outcome(self) -> Outcome:
        """Return what the numbers say: a gain beyond chance, a gain that is too small, not sure yet, or no gain."""
        if self.decision.verdict == "promote":
            return "better" if self.decision.difference >= WORTHWHILE else "too small"
        unsure = self.decision.verdict == "undecided" and self.decision.difference > 0
        return "not sure" if unsure else "not better"

    @property
    def better(self) -> bool:
        """Return True if the difference is beyond chance and large enough to be worth it."""
        return self.outcome == "better"


def compare(baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]]) -> Comparison:
    """Compare two candidates whose scores are complete. Each candidate has its scores by the name of the goal."""
    return _comparison(baseline, best, decide(baseline, best))


def compare_in_steps(
    baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]], *, pairs: int, alpha: float
) -> Comparison | None:
    """Compare two candidates whose scores are bought in pairs. Return None if the next look needs more pairs.

    Args:
        pairs: the most pairs on each goal.
        alpha: the accepted risk of calling a prompt better that is not.
    """
    decision = decide_in_steps(baseline, best, pairs=pairs, alpha=alpha)
    return None if decision is None else _comparison(baseline, best, decision)


def compare_with_itself(scores: Mapping[str, Sequence[float]], alpha: float = ALPHA) -> Comparison:
    """Return the comparison of a candidate with itself, for a search that found no better candidate."""
    mean = _mean(scores)
    return Comparison(mean, mean, Decision("keep", 1.0, 0.0, 0.0, 0.0, 1 - 2 * alpha, None))


def mean_interval(
    scores: Mapping[str, Sequence[float]], level: float = LEVEL, noise: float | None = None
) -> tuple[float, float, float]:
    """Return one candidate's mean over its goals, and the interval of this mean, cut to 0 and 10.

    Each goal has at least two scores. The variance of the mean comes from the variances within goals, and its degrees
    of freedom from Welch–Satterthwaite (Welch, Biometrika 34, 1947).

    Args:
        noise: the standard deviation of one score, as the search estimated it. It counts for `POOLED_DEGREES` degrees
            of freedom, because few scores say little about their variance.
    """
    # SciPy's import takes time. `scipy.stats` would take three times as long.
    from scipy import special

    noise_degrees = 0 if noise is None else POOLED_DEGREES
    # The variance of each goal's mean, with its degrees of freedom.
    parts = []
    for values in scores.values():
        degrees = len(values) - 1 + noise_degrees
        pooled = ((len(values) - 1) * variance(values) + noise_degrees * (noise or 0.0) ** 2) / degrees
        parts.append((max(pooled, LEAST_DEVIATION**2) / len(values), degrees))
    error = math.sqrt(sum(part for part, _ in parts)) / len(parts)
    freedom = sum(part for part, _ in parts) ** 2 / sum(part**2 / degrees for part, degrees in parts)
    half_width = float(special.stdtrit(freedom, (1 + level) / 2)) * error
    mean = _mean(scores)
    return mean, max(0.0, mean - half_width), min(10.0, mean + half_width)


@dataclass(frozen=True)
class MeanScore:
    """A candidate's mean over its goals, with its interval. The interval is None if a goal has a single score."""

    score: float
    low: float | None
    high: float | None
    level: float | None


def mean_score(scores: Mapping[str, Sequence[float]], level: float = LEVEL, noise: float | None = None) -> MeanScore:
    """Return one candidate's mean over its goals, which have at least one score each, with its interval.

    `noise` is as for `mean_interval`.
    """
    if all(len(values) > 1 for values in scores.values()):
        return MeanScore(*mean_interval(scores, level, noise), level)
    return MeanScore(_mean(scores), None, None, None)


def _comparison(
    baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]], decision: Decision
) -> Comparison:
    return Comparison(_mean(baseline), _mean(best), decision)


def _mean(scores: Mapping[str, Sequence[float]]) -> float:
    """Return the mean over goals: a goal counts once, however often it was tried."""
    return fmean(fmean(values) for values in scores.values())
