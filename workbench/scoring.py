"""Defines the parts of a score: the criteria of a rubric with their results, and what a long prompt loses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Criterion:
    """One criterion of a rubric: a short name, and a question about a plan that is answered yes, partly or no.

    `weight` is how much the criterion counts, compared with the other criteria of its goal.
    """

    name: str
    question: str
    weight: float = 1.0


CriterionAnswer = Literal["yes", "partly", "no"]
#: What an answer is worth, as a share of the criterion's weight.
WORTH: dict[CriterionAnswer, float] = {"yes": 1.0, "partly": 0.5, "no": 0.0}


@dataclass(frozen=True)
class CriterionResult:
    """How a plan meets one criterion of the rubric.

    Attributes:
        name: the criterion's name.
        answer: the answer that counts in the score.
        evidence: the words that the judge quoted from the plan, or an empty text.
        unproved: True if the judge gave a better answer, but the plan does not have the quoted words. The answer is
            then "no".
    """

    name: str
    answer: CriterionAnswer
    evidence: str = ""
    unproved: bool = False


@dataclass(frozen=True)
class Length:
    """What a long prompt loses, in points from 0 to 10.

    Attributes:
        free: the number of words that cost nothing.
        per_100_words: the points for each 100 words beyond them. Parts of 100 words count in proportion.
    """

    free: int
    per_100_words: float

    def penalty(self, text: str) -> float:
        """Return the points that a prompt with this text loses."""
        return self.per_100_words * max(0, word_count(text) - self.free) / 100


def word_count(text: str) -> int:
    """Return the number of words of a text. White space separates words."""
    return len(text.split())
