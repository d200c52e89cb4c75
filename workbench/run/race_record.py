"""Defines `race.json`: what each sentence of the prompts is worth, and which changes led to the recommended prompt."""

from __future__ import annotations

from typing import ClassVar

from workbench.run.file_format import Frozen, Record


class EffectRecord(Frozen):
    """How many points a prompt gains by one piece: the mean, and the ends of its credible interval.

    Attributes:
        text: the piece, a sentence or a block.
        executions: how many scored executions had the piece in their prompt.
        in_first, in_best: True if the starting prompt, or the recommended prompt, has the piece.
    """

    text: str
    points: float
    low: float
    high: float
    executions: int
    in_first: bool
    in_best: bool


class EstimateRecord(Frozen):
    """What the race expects a prompt to score, 0 to 10: the mean, and the ends of its credible interval."""

    score: float
    low: float
    high: float


class StepRecord(Frozen):
    """The prompt that the race recommended after a number of trials of the search.

    Attributes:
        candidate: the name of the recommended prompt.
        added, removed: the pieces in which it differs from the prompt of the step before.
        best, first: what the race expects of the recommended prompt and of the starting prompt; None before any score.
    """

    trials: int
    candidate: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    best: EstimateRecord | None = None
    first: EstimateRecord | None = None


class RaceRecord(Record):
    """What the race knows. It is written after each batch of executions.

    Attributes:
        level: the probability that the value is within an interval, given the scores.
        effects: the pieces that some proposal added or removed, the most helpful first.
        steps: what was recommended, oldest first.
        noise: the standard deviation of one score in points, as the race estimates it; None before any score, and in
            records of older versions.
    """

    FILE: ClassVar[str] = "race.json"

    level: float
    effects: tuple[EffectRecord, ...]
    steps: tuple[StepRecord, ...]
    noise: float | None = None
