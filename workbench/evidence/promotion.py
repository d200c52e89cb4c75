"""Decides on finished samples whether a challenger replaces the champion, by a permutation test.

`workbench.evidence.gate` decides in steps, while the samples are bought.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from statistics import NormalDist, variance
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from workbench.evidence.permutation import ROUNDING, Block, Floats, Permuted, permute
from workbench.nouns import Promotion

#: The accepted risk of promoting a prompt that is no better, in a report and where a person decides.
ALPHA = 0.05
#: The same risk if no person decides (`promote: auto`): such a study may run every night.
ALPHA_AUTO = 0.01
#: The largest risk that can be accepted. With a larger one, the interval would have no level.
MOST_ALPHA = 0.5
#: The most further replicates that a forecast names.
MOST_REPLICATES = 100
#: The scale of scores: no difference is larger.
SCALE = 10.0

Scores = Sequence[float] | Mapping[str, Sequence[float]]
Sides = tuple[Mapping[str, Sequence[float]], Mapping[str, Sequence[float]]]
Verdict = Literal["promote", "keep", "undecided"]


@dataclass(frozen=True)
class Decision:
    """What to do about a challenger, and the numbers behind it. Differences are challenger − champion, in points.

    Attributes:
        verdict: "promote" if the gain is beyond chance, "keep" if the challenger is worse beyond chance or was given up
            at an early look, else "undecided".
        p: the one-sided p-value of a gain above the margin.
        low, high: the interval of the difference. It holds the difference. It lies above the margin exactly if the
            verdict is "promote".
        level: the level of the interval, 1 − 2 × the risk that this decision may spend.
        more: about how many further replicates of both on each goal would decide; None if the verdict is not
            "undecided", or if MOST_REPLICATES would not be enough.
    """

    verdict: Verdict
    p: float
    difference: float
    low: float
    high: float
    level: float
    more: int | None


def alpha_of(promote: Promotion) -> float:
    """Return the risk that a study accepts, by its key `promote`."""
    return ALPHA_AUTO if promote == "auto" else ALPHA


def decide(
    champion: Scores,
    challenger: Scores,
    *,
    margin: float = 0.0,
    alpha: float = ALPHA,
    rng: np.random.Generator | None = None,
) -> Decision:
    """Decide once, on finished samples.

    Args:
        champion, challenger: scores from 0 to 10, or a mapping from goal to scores. Labels are exchanged within goals,
            and each goal counts alike. The samples may have different sizes.
        margin: the gain in points that is asked for. A negative margin allows a loss, as in a test of non-inferiority.
        alpha: the accepted risk of "promote" if the challenger is better by no more than the margin.
        rng: draws permutations if there are too many to enumerate. By default it is seeded from the samples, so that
            the same samples always get the same decision.

    Raises:
        ValueError: a sample is empty, a score is no number, the two sides have different goals, or `margin` or `alpha`
            is out of range.
    """
    if not math.isfinite(margin) or not 0 < alpha <= MOST_ALPHA:
        raise ValueError(
            f"margin is {margin} and alpha is {alpha}; expected a number of points, and a risk above 0, at most "
            f"{MOST_ALPHA}"
        )
    sides = both_by_goal(champion, challenger)
    blocks = [Block(sides[0][goal], sides[1][goal], 1 / len(sides[0])) for goal in sides[0]]
    samples = permute(blocks, rng or seeded(*sides, margin, alpha))
    return decision(samples, None, margin=margin, alpha=alpha, sides=sides)


def decision(
    samples: Permuted,
    crossed: NDArray[np.bool_] | None,
    *,
    margin: float,
    alpha: float,
    sides: Sides,
) -> Decision:
    """Return the decision that follows from the exchanges of labels.

    Args:
        crossed: shape (N,); True for the exchanges that earlier looks have used up. They count against the challenger,
            whatever their difference is now. None if there was no earlier look.
    """
    used = np.zeros(len(samples), dtype=bool) if crossed is None else crossed
    statistics, measured = samples.statistics(margin)
    reached = (statistics >= measured - ROUNDING) | used
    p = float(reached.mean())
    worse = float((statistics <= measured + ROUNDING).mean())
    verdict: Verdict = "undecided"
    if p <= alpha + ROUNDING:
        verdict = "promote"
    elif worse <= alpha + ROUNDING:
        verdict = "keep"
    difference = samples.measured[0]
    more = _more(sides, difference - margin, alpha) if verdict == "undecided" else None
    low, high = _interval(samples, used, alpha)
    return with_agreeing_interval(Decision(verdict, p, difference, low, high, 1 - 2 * alpha, more), margin)


def with_agreeing_interval(draft: Decision, margin: float = 0.0) -> Decision:
    """Return the decision with an interval that agrees with the decision.

    The interval then holds the difference, and lies above the margin exactly if the verdict is "promote". With ties,
    the lower end can be the margin itself, and the ranks decide the verdict. If they promote, the smallest number above
    the margin becomes the lower end.
    """
    low = max(draft.low, math.nextafter(margin, math.inf)) if draft.verdict == "promote" else min(draft.low, margin)
    return replace(draft, low=min(low, draft.difference), high=max(draft.high, draft.difference))


def _interval(samples: Permuted, used: NDArray[np.bool_], alpha: float) -> tuple[float, float]:
    """Return the least and the greatest gain that the test does not reject, within the scale.

    Args:
        used: shape (N,); True for the exchanges that earlier looks have used up.
    """
    shifts = samples.shifts()
    # These exchanges count at every gain. A gain is rejected if at most `allowed` exchanges count against it.
    always = np.isinf(shifts)
    allowed = int(alpha * len(samples) + ROUNDING)
    low = _nth(np.sort(shifts[~always & ~used]), allowed - int((always | used).sum()), -SCALE)
    high = -_nth(np.sort(-shifts[~always]), allowed - int(always.sum()), -SCALE)
    return max(-SCALE, low), min(SCALE, high)


def _nth(ordered: Floats, number: int, default: float) -> float:
    """Return the value with this number, counted from 0, or the default if there is no such value."""
    return float(ordered[number]) if 0 <= number < len(ordered) else default


def _more(sides: Sides, gain: float, alpha: float) -> int | None:
    """Return about how many more replicates would decide, or None if MOST_REPLICATES would not be enough.

    The forecast takes the means and the variances as they are, and a normal distribution.
    """
    if gain <= 0:
        return None
    replicates = min(len(scores) for side in sides for scores in side.values())
    variances = sum(variance(scores) if len(scores) > 1 else 0.0 for side in sides for scores in side.values())
    error = math.sqrt(variances) / len(sides[0])
    for total in range(replicates + 1, replicates + MOST_REPLICATES + 1):
        reachable = 1 / math.comb(2 * total, total) <= alpha
        if reachable and gain >= NormalDist().inv_cdf(1 - alpha) * error / math.sqrt(total):
            return total - replicates
    return None


def both_by_goal(champion: Scores, challenger: Scores, least: int = 1) -> Sides:
    """Return the scores of both sides by goal, as numbers. Scores without a goal get the goal "".

    Raises:
        ValueError: a goal has fewer than `least` scores, a score is no number, or the two sides have different goals.
    """
    sides = _by_goal(champion, least), _by_goal(challenger, least)
    if sides[0].keys() != sides[1].keys():
        names = " and ".join(", ".join(map(str, side)) or "none" for side in sides)
        raise ValueError(f"the goals differ: {names}; expected the same goals")
    return sides


def _by_goal(scores: Scores, least: int) -> dict[str, list[float]]:
    """Return the scores of one side by goal, as numbers.

    Raises:
        ValueError: there is no goal, a goal has fewer than `least` scores, or a score is no number.
    """
    by_goal = scores if isinstance(scores, Mapping) else {"": scores}
    if not by_goal:
        raise ValueError("a side has no goal; expected at least one")
    return {goal: _numbers(values, f" on the goal {goal}" if goal else "", least) for goal, values in by_goal.items()}


def _numbers(scores: object, place: str, least: int) -> list[float]:
    """Return scores as numbers.

    Raises:
        ValueError: there are fewer than `least` scores, or a score is no number.
    """
    numbers = []
    for value in scores if isinstance(scores, Iterable) else (scores,):
        if not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(f"a score{place} is no number: {value!r}; expected numbers from 0 to {SCALE:.0f}")
        numbers.append(float(value))
    if len(numbers) < least:
        raise ValueError(f"a side has no score{place}; expected at least one")
    return numbers


def seeded(*parts: object) -> np.random.Generator:
    """Return a generator that is seeded from the samples and the settings of a decision."""
    return np.random.default_rng(int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8]))
