"""Decides about a challenger in steps, while pairs of fresh executions are bought.

A *look* is a moment at which the gate may decide. The accepted risk alpha is spent in parts over the looks (Lan and
DeMets, Biometrika 70, 1983). So the chance that any look promotes a challenger that is no better stays at most alpha.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from workbench.evidence.permutation import DRAWN, ROUNDING, Block, Floats, permute, permute_randomly, sum_of
from workbench.evidence.promotion import (
    ALPHA,
    Decision,
    Sides,
    both_by_goal,
    decide,
    decision,
    seeded,
    with_agreeing_interval,
)
from workbench.evidence.words import plural

#: The fewest pairs on each goal with which a challenger can be promoted.
FEWEST_PAIRS = 4
#: The risk that may be spent after so many pairs on each goal, as (pairs, risk), at an alpha of 0.05.
SPENDING = ((0, 0.0), (4, 1 / 70), (8, 0.026), (12, 0.038), (16, 0.05))
#: The most pairs on each goal that a study may allow. A difference that needs more is too small to be found this way.
MOST_PAIRS = 16
#: A challenger whose p-value is above this at a look is given up: the rest of the pairs would be wasted.
FUTILE = 0.5


@dataclass(frozen=True)
class Look:
    """A moment at which the gate may decide.

    Attributes:
        pairs: the number of pairs on each goal after which the gate looks.
        alpha: the risk that may have been spent by then.
    """

    pairs: int
    alpha: float


def looks(pairs: int, alpha: float = ALPHA) -> list[Look]:
    """Return the looks of a gate that may buy this many pairs on each goal: after 4, 8, 12 and all pairs.

    A look is left out if the test could not promote there even if each score of the challenger were higher than each
    score of the champion. The list is empty if no look can promote.
    """
    ends = sorted({number for number in (4, 8, 12) if number < pairs} | {pairs})
    spent = [_spent(number) * alpha / _spent(pairs) for number in ends]
    return [
        Look(number, risk)
        for number, risk in zip(ends, spent, strict=True)
        if number >= FEWEST_PAIRS and 1 / math.comb(2 * number, number) <= risk
    ]


def undecidable(pairs: int, alpha: float = ALPHA) -> str | None:
    """Return why so few pairs can promote nothing, or None if they can."""
    if looks(pairs, alpha):
        return None
    needed = next(number for number in range(FEWEST_PAIRS, MOST_PAIRS + 1) if looks(number, alpha))
    return (
        f"confirm: {plural(pairs, 'pair')} cannot tell a better prompt from chance at a risk of {alpha:.0%}; expected "
        f"{needed} or more: with fewer, the report will say that it is not sure"
    )


def stages(pairs: int, alpha: float = ALPHA) -> list[int]:
    """Return after how many pairs on each goal the gate looks. If no look can promote, it looks once, at the end."""
    return [look.pairs for look in looks(pairs, alpha)] or [pairs]


def decide_in_steps(
    champion: Mapping[str, Sequence[float]],
    challenger: Mapping[str, Sequence[float]],
    *,
    pairs: int,
    alpha: float = ALPHA,
    rng: np.random.Generator | None = None,
) -> Decision | None:
    """Decide on pairs that are bought in stages. Return None if the next look needs more pairs than there are.

    At each look, labels are exchanged within the stages. An exchange that would have promoted at an earlier look counts
    as used up. The gate stops as soon as a look promotes, or finds a p-value above FUTILE.

    Args:
        champion, challenger: scores by goal, in the order in which they were bought. Only the first `pairs` count.
        pairs: the most pairs on each goal.

    Raises:
        ValueError: a score is no number, or the two sides have different goals.
    """
    sides = both_by_goal(champion, challenger, least=0)
    available = min(len(scores) for side in sides for scores in side.values())
    schedule = looks(pairs, alpha)
    if not schedule:
        return _without_looks(sides, pairs, alpha, rng) if available >= pairs else None
    for number, look in enumerate(schedule):
        if available < look.pairs:
            return None
        at_look = _decision_at(schedule[: number + 1], sides, rng)
        is_last = look is schedule[-1]
        if at_look.verdict == "promote" or is_last:
            return at_look
        if at_look.p > FUTILE:
            return replace(at_look, verdict="keep", more=None)
    raise AssertionError("a schedule has a last look")


def _without_looks(sides: Sides, pairs: int, alpha: float, rng: np.random.Generator | None) -> Decision:
    """Return the decision on a comparison that is too small to promote anything."""
    champion, challenger = _first(pairs, sides)
    compared = decide(champion, challenger, alpha=alpha, rng=rng)
    if compared.verdict == "keep":
        return compared
    return with_agreeing_interval(
        replace(compared, verdict="undecided", more=max(FEWEST_PAIRS - pairs, compared.more or 0))
    )


def _first(pairs: int, sides: Sides) -> Sides:
    """Return the first pairs of both sides."""
    champion, challenger = ({goal: scores[:pairs] for goal, scores in side.items()} for side in sides)
    return champion, challenger


def _decision_at(schedule: Sequence[Look], sides: Sides, rng: np.random.Generator | None) -> Decision:
    """Return the decision at the last of these looks, given that no earlier look stopped."""
    look = schedule[-1]
    bounds = [0, *(entry.pairs for entry in schedule)]
    champion, challenger = bought = _first(look.pairs, sides)
    generator = rng or seeded(*bought, look.pairs, look.alpha)

    def blocks(stage: int) -> list[Block]:
        start, end = bounds[stage], bounds[stage + 1]
        weight = (end - start) / look.pairs / len(champion)
        return [Block(champion[goal][start:end], challenger[goal][start:end], weight) for goal in champion]

    if len(schedule) == 1:
        return decision(permute(blocks(0), generator), None, margin=0.0, alpha=look.alpha, sides=bought)
    stages = [
        sum_of([permute_randomly(block, DRAWN, generator) for block in blocks(stage)]) for stage in range(len(schedule))
    ]
    # The exchanges that would have promoted at an earlier look.
    crossed = np.zeros(DRAWN, dtype=bool)
    for number, earlier in enumerate(schedule[:-1]):
        statistics, _ = sum_of(stages[: number + 1]).statistics()
        remaining = int(earlier.alpha * DRAWN + ROUNDING) - int(crossed.sum())
        crossed |= _highest(np.where(crossed, -np.inf, statistics), remaining)
        # The first exchange is the measured labels. They did not promote there, or the gate would have stopped.
        crossed[0] = False
    return decision(sum_of(stages), crossed, margin=0.0, alpha=look.alpha, sides=bought)


def _highest(statistics: Floats, count: int) -> NDArray[np.bool_]:
    """Mark the highest statistics: at most `count` of them. Of equal statistics, mark all or none."""
    if count <= 0:
        return np.zeros(len(statistics), dtype=bool)
    # The highest statistic that is not among the `count` highest. A statistic that equals this bound is not marked:
    # together with all that equal the bound, more than `count` would be marked.
    bound = np.partition(statistics, len(statistics) - count - 1)[len(statistics) - count - 1]
    marked: NDArray[np.bool_] = statistics > bound + ROUNDING
    return marked


def _spent(pairs: int) -> float:
    """Return the risk that may be spent after so many pairs, at an alpha of 0.05. SPENDING is interpolated linearly."""
    for (before, low), (after, high) in pairwise(SPENDING):
        if pairs <= after:
            return low + (high - low) * (pairs - before) / (after - before)
    return SPENDING[-1][1]
