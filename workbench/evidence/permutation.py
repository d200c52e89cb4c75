"""Permutation tests on the difference of two means, and the intervals that agree with them.

The test asks: if both sides were alike, how often would a random exchange of their labels give a difference as large as
the measured one? It needs no assumption about the form of the noise (Fisher 1935; Pitman, Supplement to the Journal of
the Royal Statistical Society 4, 1937). The interval holds every difference that the test would not reject: Garthwaite,
Biometrics 52, 1996, describes this inversion. Both are exact if the two sides differ by a shift.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: The most permutations that are enumerated. Eight scores on each side have 12,870 permutations.
ENUMERATED = 13_000
#: How many permutations are drawn if there are more. The measured labels are one of them.
DRAWN = 2000
#: The weight of a rank beside a difference in points. This weight is so small that ranks only order equal differences.
RANK_WEIGHT = 1e-6
#: Two statistics that differ by less than this are equal: sums of the same scores in another order differ by rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Block:
    """Scores among which labels are exchanged. `weight` is the block's share in the difference; all add up to 1."""

    champion: Sequence[float]
    challenger: Sequence[float]
    weight: float

    @property
    def size(self) -> int:
        return len(self.champion) + len(self.challenger)


@dataclass(frozen=True)
class Permuted:
    """Challenger minus champion under N exchanges of labels. Each array has the shape (N,).

    Attributes:
        difference: the weighted mean difference in points.
        ranks: the weighted sum of the challenger's ranks, which breaks ties.
        slope: by how much the difference grows if one point is added to each of the challenger's scores: 1 if no label
            was exchanged, −1 if all were.
        measured: the same three numbers for the labels as they are.
    """

    difference: Floats
    ranks: Floats
    slope: Floats
    measured: tuple[float, float, float]

    def __len__(self) -> int:
        return len(self.difference)

    def __add__(self, other: Permuted) -> Permuted:
        """Add what other blocks contribute under the same N exchanges."""
        return Permuted(
            self.difference + other.difference,
            self.ranks + other.ranks,
            self.slope + other.slope,
            (
                self.measured[0] + other.measured[0],
                self.measured[1] + other.measured[1],
                self.measured[2] + other.measured[2],
            ),
        )

    def statistics(self, margin: float = 0.0) -> tuple[Floats, float]:
        """Return the statistic of all exchanges and the measured one, for the hypothesis of a gain of `margin`."""
        permuted = self.difference - margin * self.slope + RANK_WEIGHT * self.ranks
        return permuted, self.measured[0] - margin * self.measured[2] + RANK_WEIGHT * self.measured[1]

    def shifts(self) -> Floats:
        """Return for each exchange the least gain in points at which the exchange counts against the challenger.

        The gain is infinite for an exchange that leaves the difference as it is: this exchange counts at every gain.
        """
        remainder = 1 - self.slope
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(remainder > ROUNDING, (self.measured[0] - self.difference) / remainder, np.inf)


def permute(blocks: Sequence[Block], rng: np.random.Generator) -> Permuted:
    """Exchange the labels within each block, and return the differences under these exchanges.

    All exchanges count if there are at most ENUMERATED of them. Otherwise DRAWN exchanges are drawn.
    """
    counts = [math.comb(block.size, len(block.challenger)) for block in blocks]
    if math.prod(counts) > ENUMERATED:
        return sum_of([permute_randomly(block, DRAWN, rng) for block in blocks])
    parts = [_permuted_by(block, _choices(block.size, len(block.challenger))) for block in blocks]
    total = parts[0]
    for part in parts[1:]:
        # Every exchange in one block meets every exchange in the others.
        first, second = (_repeated(total, len(part), each=True), _repeated(part, len(total), each=False))
        total = first + second
    return total


def permute_randomly(block: Block, count: int, rng: np.random.Generator) -> Permuted:
    """Exchange the labels of a block in `count` random ways. The first way leaves the labels as they are."""
    size, challengers = block.size, len(block.challenger)
    order = np.argsort(rng.random((count, size)), axis=1)
    order[0] = np.r_[np.arange(size - challengers, size), np.arange(size - challengers)]
    choices = np.zeros((count, size))
    np.put_along_axis(choices, order[:, :challengers], 1.0, axis=1)
    return _permuted_by(block, choices)


def sum_of(parts: Sequence[Permuted]) -> Permuted:
    """Add what several blocks contribute under the same exchanges."""
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _permuted_by(block: Block, choices: Floats) -> Permuted:
    """Return the differences of a block under these exchanges.

    Args:
        choices: shape (N, size); 1 for the scores that are the challenger's. The champion's scores come first.
    """
    scores = np.array([*block.champion, *block.challenger], dtype=float)
    challengers, champions = len(block.challenger), len(block.champion)
    ranks = _ranks(scores)
    measured_choice = np.r_[np.zeros(champions), np.ones(challengers)]
    spread = 1 / challengers + 1 / champions

    def statistics(choice: Floats) -> tuple[Floats, Floats, Floats]:
        return (
            block.weight * (choice @ scores * spread - scores.sum() / champions),
            block.weight * (choice @ ranks),
            block.weight * (choice @ measured_choice * spread - challengers / champions),
        )

    measured = statistics(measured_choice)
    return Permuted(*statistics(choices), (float(measured[0]), float(measured[1]), float(measured[2])))


def _repeated(values: Permuted, times: int, *, each: bool) -> Permuted:
    """Repeat the exchanges `times` times: with `each`, every exchange in a row, else the whole list again and again."""
    repeat = np.repeat if each else np.tile
    difference, ranks, slope = (repeat(array, times) for array in (values.difference, values.ranks, values.slope))
    return Permuted(difference, ranks, slope, values.measured)


def _ranks(scores: Floats) -> Floats:
    """Return the rank of each score from 1. Equal scores share the mean of their ranks."""
    below = (scores[:, None] > scores[None, :] + ROUNDING).sum(axis=1)
    equal = (np.abs(scores[:, None] - scores[None, :]) <= ROUNDING).sum(axis=1)
    ranks: Floats = below + (equal + 1) / 2
    return ranks


@cache
def _choices(size: int, chosen: int) -> Floats:
    """Return all ways to choose this many scores, shape (ways, size): 1 where a score is chosen."""
    rows = np.array(list(combinations(range(size), chosen)))
    choices = np.zeros((len(rows), size))
    np.put_along_axis(choices, rows, 1.0, axis=1)
    choices.setflags(write=False)
    return choices
