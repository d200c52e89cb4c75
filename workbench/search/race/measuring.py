"""Decides how many executions a race holds back for the chosen prompt, and computes the estimate from their scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from workbench.search.race.pieces import Prompt

#: The fewest executions that are held back.
FEWEST_HELD_BACK = 6
#: The smallest and the largest share of the budget that is held back.
LEAST_SHARE, MOST_SHARE = 0.08, 0.15
#: The standard error that the fresh executions should reach.
STANDARD_ERROR = 0.03
#: How many standard deviations are subtracted from a mean when a prompt is chosen.
CAUTION = 0.5
#: The confidence level of the interval.
LEVEL = 0.9
#: The degrees of freedom for which the search's noise counts in the interval.
POOLED_DEGREES = 20


@dataclass(frozen=True)
class Choice:
    """The prompt that a search chose, and the variance of the noise that it estimated."""

    prompt: Prompt
    noise: float


def reserve(budget: int, noise: float) -> int:
    """Return how many executions are held back for the chosen prompt, given the variance of the noise.

    They are enough for the standard error `STANDARD_ERROR`, within the limits of this module: at least 6 and 8 % of the
    budget, and at most 15 % of it or 6.
    """
    needed = max(FEWEST_HELD_BACK, math.ceil(noise / STANDARD_ERROR**2), math.ceil(LEAST_SHARE * budget))
    return min(needed, max(FEWEST_HELD_BACK, math.ceil(MOST_SHARE * budget)))


def estimate(scores: list[float], noise: float) -> tuple[float, tuple[float, float]]:
    """Return the mean of fresh scores and its 90 % confidence interval, within 0 and 1.

    The interval is Student's t. Its variance is pooled from the fresh scores and from the search's noise. The noise
    counts for 20 degrees of freedom, because a few scores say little about their variance.

    Args:
        scores: the fresh scores of one prompt.
        noise: the variance of the noise, as the search estimated it.
    """
    mean, degrees = float(np.mean(scores)), len(scores) - 1
    squares = float(np.sum((np.array(scores) - mean) ** 2))
    variance = (squares + POOLED_DEGREES * noise) / (degrees + POOLED_DEGREES)
    # The quantile function of Student's t. `scipy.stats` has it too, and takes a second to import.
    half = float(stdtrit(degrees + POOLED_DEGREES, (1 + LEVEL) / 2)) * math.sqrt(variance / len(scores))
    return mean, (max(0.0, mean - half), min(1.0, mean + half))
