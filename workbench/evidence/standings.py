"""Computes the mean search score of each candidate, while the trials arrive."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean

from workbench.run.record import TrialRecord


class Standings:
    """The mean scores of candidates on these goals. A new trial changes only the mean of its own candidate."""

    def __init__(self, goals: Sequence[str]) -> None:
        self._goals = goals
        #: The scores by candidate and goal, in the order of the trials.
        self._scores: dict[str, dict[str, list[float]]] = {}
        #: The mean of each candidate, in the order of their first trials. None if a goal has no trial.
        self._means: dict[str, float | None] = {}

    def add(self, trial: TrialRecord) -> None:
        """Take the score of a trial in."""
        scores = self._scores.setdefault(trial.candidate, {})
        scores.setdefault(trial.goal, []).append(trial.score)
        self._means[trial.candidate] = self._mean(scores)

    @property
    def means(self) -> dict[str, float]:
        """Return the mean over goals (of the mean over replicates) of each candidate that has a trial on every goal."""
        return {candidate: mean for candidate, mean in self._means.items() if mean is not None}

    @property
    def leader(self) -> tuple[str, float] | None:
        """Return the candidate with the highest mean, and this mean; None without one. The first of equals leads."""
        return max(self.means.items(), key=lambda standing: standing[1], default=None)

    def _mean(self, scores: dict[str, list[float]]) -> float | None:
        if not all(goal in scores for goal in self._goals):
            return None
        return fmean(fmean(scores[goal]) for goal in self._goals)


def standings(trials: Iterable[TrialRecord], goals: Sequence[str]) -> dict[str, float]:
    """Return the mean over goals (of the mean over replicates) of each candidate that has a trial on every goal."""
    result = Standings(goals)
    for trial in trials:
        result.add(trial)
    return result.means
