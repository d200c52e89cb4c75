"""Decides how many executions a race holds back, and computes the estimate and the interval that they give."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from workbench.search.race.pieces import Prompt

#: The fewest executions that are held back, and the least and the largest share of the budget that they take.
FEWEST = 6
LEAST_SHARE = 0.08
MOST_SHARE = 0.15
#: The standard error that the fresh executions should reach.
STANDARD_ERROR = 0.03
#: How many standard deviations are subtracted from a mean when a prompt is chosen.
CAUTION = 0.5
#: The confidence level of the interval, and the degrees of freedom for which the search's noise counts in it.
LEVEL = 0.9
POOLED_DEGREES = 20


@dataclass(frozen=True)
class Choice:
    """The prompt that a search chose, and the variance of the noise that it estimated."""

    prompt: Prompt
    noise: float


def reserve(budget: int, noise: float) -> int:
    """Return how many executions are held back for the chosen prompt.

    More are held back for more noise, and never more than the larger of 6 and 15 % of the budget.
    """
    least = max(FEWEST, math.ceil(noise / STANDARD_ERROR**2), math.ceil(LEAST_SHARE * budget))
    return min(least, max(FEWEST, math.ceil(MOST_SHARE * budget)))


def estimate(scores: list[float], noise: float) -> tuple[float, tuple[float, float]]:
    """Return the mean of fresh scores and its 90 % confidence interval, within 0 and 1.

    The interval is Student's t. Its variance pools the scores' own with the search's noise, which counts for 20 degrees
    of freedom, because so few scores say little about their variance.
    """
    mean, degrees = float(np.mean(scores)), len(scores) - 1
    squares = float(np.sum((np.array(scores) - mean) ** 2))
    variance = (squares + POOLED_DEGREES * noise) / (degrees + POOLED_DEGREES)
    # The quantile function of Student's t. `scipy.stats` has it too, and takes a second to import.
    half = float(stdtrit(degrees + POOLED_DEGREES, (1 + LEVEL) / 2)) * math.sqrt(variance / len(scores))
    return mean, (max(0.0, mean - half), min(1.0, mean + half))
