"""Compares two candidates for a report: their means, the decision about them, and intervals of single means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import Literal

from workbench.evidence.gate import decide_in_steps
from workbench.evidence.promotion import ALPHA, Decision, decide

#: The level of the interval of a single mean. An interval of a difference has the level of its decision.
LEVEL = 1 - 2 * ALPHA
#: The smallest difference in points that is worth a change of prompt, however certain the difference is.
WORTHWHILE = 0.5
#: The smallest standard deviation in points that is assumed. Three equal scores do not prove that there is no noise.
FLOOR = 0.25

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


def alone(scores: Mapping[str, Sequence[float]]) -> Comparison:
    """Return the comparison of a candidate with itself, for a search that found no better one."""
    mean = _mean(scores)
    return Comparison(mean, mean, Decision("keep", 1.0, 0.0, 0.0, 0.0, LEVEL, None))


def interval(scores: Sequence[float]) -> tuple[float, float]:
    """Return the interval at LEVEL of one candidate's mean on one goal, cut to 0 and 10. Needs at least two scores."""
    _, low, high = mean_interval({"": scores})
    return low, high


def mean_interval(scores: Mapping[str, Sequence[float]]) -> tuple[float, float, float]:
    """Return one candidate's mean over its goals, and the interval of this mean at LEVEL, cut to 0 and 10.

    Each goal has at least two scores. The variance of the mean comes from the variances within goals, and its degrees
    of freedom from Welch–Satterthwaite (Welch, Biometrika 34, 1947).
    """
    # SciPy's import takes time. `scipy.stats` would take three times as long.
    from scipy import special

    mean = _mean(scores)
    parts = [(max(variance(values), FLOOR**2) / len(values), len(values) - 1) for values in scores.values()]
    error = math.sqrt(sum(part for part, _ in parts)) / len(parts)
    freedom = sum(part for part, _ in parts) ** 2 / sum(part**2 / degrees for part, degrees in parts)
    reach = float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return mean, max(0.0, mean - reach), min(10.0, mean + reach)


@dataclass(frozen=True)
class MeanScore:
    """A candidate's mean over its goals, with its interval. The interval is None if a goal has a single score."""

    score: float
    low: float | None
    high: float | None
    level: float | None


def mean_score(scores: Mapping[str, Sequence[float]]) -> MeanScore:
    """Return one candidate's mean over its goals, which have at least one score each, with its interval."""
    if all(len(values) > 1 for values in scores.values()):
        return MeanScore(*mean_interval(scores), LEVEL)
    return MeanScore(_mean(scores), None, None, None)


def _comparison(
    baseline: Mapping[str, Sequence[float]], best: Mapping[str, Sequence[float]], decision: Decision
) -> Comparison:
    return Comparison(_mean(baseline), _mean(best), decision)


def _mean(scores: Mapping[str, Sequence[float]]) -> float:
    """Return the mean over goals: a goal counts once, however often it was tried."""
    return fmean(fmean(values) for values in scores.values())
