"""Counts how often a proposer proposes each piece. Its preference for a piece is evidence that the piece helps."""

from __future__ import annotations

import math
from collections import Counter, defaultdict

from workbench.search.race.pieces import Prompt


class Preferences:
    """How often each piece was proposed while it was absent, and how often an even choice would have proposed it."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._expected: defaultdict[int, float] = defaultdict(float)

    def count(self, added: Prompt, absent: set[int]) -> None:
        """Count a proposal.

        Args:
            added: the pieces that the proposal adds.
            absent: the known pieces that it could have added, because the prompt did not have them.
        """
        self._counts.update(added)
        for number in absent | added:
            self._expected[number] += len(added) / len(absent | added)

    def of(self, number: int) -> float:
        """Return the logarithm of how often a piece was proposed, relative to an even choice among the absent pieces.

        This is x_j in `workbench.search.race.model`.
        """
        return math.log((1 + self._counts[number]) / (1 + self._expected[number]))

    @property
    def novelty(self) -> float:
        """Return the probability that the next proposed piece is new, as Good (1953) estimates it.

        This is the number of pieces that were proposed once, divided by the number of proposed pieces.
        """
        proposed = self._counts.total()
        return sum(count == 1 for count in self._counts.values()) / proposed if proposed else 1.0
