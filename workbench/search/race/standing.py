"""Describes what a race knows at one moment: the recommended prompt, and what each piece is worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """The posterior of a prompt's quality, from 0 to 1: its mean and its standard deviation."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class PieceEffect:
    """The posterior of one piece's effect: how much higher the score is if a prompt has the piece.

    Attributes:
        text: the piece.
        mean, deviation: mean and standard deviation of the effect. 0.1 is one point of ten.
        executions: how many scored executions had the piece.
        in_seed: True if the starting prompt has the piece.
        in_best: True if the recommended prompt has the piece.
    """

    text: str
    mean: float
    deviation: float
    executions: int
    in_seed: bool
    in_best: bool


@dataclass(frozen=True)
class Standing:
    """The state of a race.

    Attributes:
        evaluations: how many prompts were evaluated so far.
        prompt: the recommended prompt.
        best, seed: the quality of the recommended prompt and of the starting prompt; None before any score.
        effects: the effects of the pieces that some proposal added or removed. All other pieces are in every prompt, so
            their effects cannot be measured. Empty if the proposer rewrites whole prompts.
        noise: the standard deviation of one score, as the race estimates it; None before any score.
    """

    evaluations: int
    prompt: str
    best: Quality | None = None
    seed: Quality | None = None
    effects: tuple[PieceEffect, ...] = ()
    noise: float | None = None


#: Called with what a race knows, after each batch.
Watch = Callable[[Standing], None]
