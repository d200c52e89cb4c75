"""Writes the effects and the steps of a race into the run's folder, while the race goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from scipy.special import ndtri

from workbench import sentences
from workbench.run.race_record import EffectRecord, EstimateRecord, RaceRecord, StepRecord
from workbench.search.race.measuring import LEVEL
from workbench.search.race.standing import PieceEffect, Quality, Standing

#: Half the width of an interval of the level LEVEL, in standard deviations of the posterior.
HALF_WIDTH = float(ndtri((1 + LEVEL) / 2))
#: How many digits the points in the record have. A posterior is not more exact.
DIGITS = 3


class RaceLog:
    """The record of one race's steps and effects. Call it with what the race knows after each step.

    Args:
        seed: the starting prompt.
        name: returns a prompt's name as a candidate.
        trials: returns how many trials the search has made.
        save: writes the record.
    """

    def __init__(
        self, seed: str, name: Callable[[str], str], trials: Callable[[], int], save: Callable[[RaceRecord], object]
    ) -> None:
        self._name = name
        self._trials = trials
        self._save = save
        self._prompt = seed
        #: The effects of the pieces, as the race knows them now.
        self.effects: tuple[PieceEffect, ...] = ()
        self._steps: list[StepRecord] = []
        self._noise: float | None = None

    def conclude(self, prompt: str) -> None:
        """Add a step for the prompt that the search chooses in the end, if it differs from the last step's prompt."""
        if prompt != self._prompt:
            pieces = {piece.strip() for piece in sentences.split(prompt)}
            effects = (replace(effect, in_best=effect.text.strip() in pieces) for effect in self.effects)
            self(Standing(evaluations=0, prompt=prompt, effects=tuple(effects), noise=self._noise))

    def __call__(self, standing: Standing) -> None:
        """Add a step, and write the record."""
        self.effects, self._noise = standing.effects, standing.noise
        added, removed = _changes(self._prompt, standing.prompt)
        self._prompt = standing.prompt
        self._steps.append(
            StepRecord(
                trials=self._trials(),
                candidate=self._name(standing.prompt),
                added=added,
                removed=removed,
                best=_estimate(standing.best),
                first=_estimate(standing.seed),
            )
        )
        effects = sorted(map(_effect, standing.effects), key=lambda effect: -effect.points)
        noise = None if standing.noise is None else round(10 * standing.noise, DIGITS)
        self._save(RaceRecord(level=LEVEL, effects=tuple(effects), steps=tuple(self._steps), noise=noise))


def _changes(before: str, after: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the pieces that a change of a prompt adds and removes."""
    old, new = (Counter(piece.strip() for piece in sentences.split(text)) for text in (before, after))
    return tuple((new - old).elements()), tuple((old - new).elements())


def _effect(effect: PieceEffect) -> EffectRecord:
    """Return the record of a piece's effect, in points from 0 to 10."""
    mean, half = 10 * effect.mean, 10 * HALF_WIDTH * effect.deviation
    return EffectRecord(
        text=effect.text.strip(),
        points=round(mean, DIGITS),
        low=round(mean - half, DIGITS),
        high=round(mean + half, DIGITS),
        executions=effect.executions,
        in_first=effect.in_seed,
        in_best=effect.in_best,
    )


def _estimate(quality: Quality | None) -> EstimateRecord | None:
    """Return the record of a prompt's quality, in points from 0 to 10, or None if it is not known."""
    if quality is None:
        return None
    half = HALF_WIDTH * quality.deviation
    score, low, high = (
        round(10 * min(1.0, max(0.0, value)), DIGITS)
        for value in (quality.mean, quality.mean - half, quality.mean + half)
    )
    return EstimateRecord(score=score, low=low, high=high)
