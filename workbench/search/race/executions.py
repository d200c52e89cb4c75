"""Keeps what a race has executed: the evaluations within the budget, and their scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real

import numpy as np

from workbench.search.race.pieces import Pieces, Prompt
from workbench.search.race.standing import Standing, Watch

Evaluate = Callable[[list[str]], Sequence[float | None]]


class Executions:
    """The evaluations of a race.

    Args:
        pieces: the pieces of all prompts.
        evaluate: called with prompts. Returns a score from 0 to 1 for each prompt, or None for a crashed evaluation.
        budget: the most evaluations.
        batch: how many prompts are evaluated at once.
        held_back: returns how many evaluations the search must leave, given the variance of the noise.
        watch: called with each recommendation.

    Attributes:
        used: how many prompts were evaluated, the crashed ones included.
        prompts: the prompts that have a score, each with its number.
        rows: the number of each score's prompt.
        scores: the scores that the search may learn from.
        history: pairs of the evaluations so far and the prompt that was recommended then.
    """

    def __init__(
        self,
        pieces: Pieces,
        evaluate: Evaluate,
        budget: int,
        batch: int,
        held_back: Callable[[float], int],
        watch: Watch = lambda standing: None,
    ) -> None:
        self.pieces = pieces
        self.budget = budget
        self.batch = batch
        self.used = 0
        self.prompts: dict[Prompt, int] = {}
        self.rows: list[int] = []
        self.scores: list[float] = []
        self.history: list[tuple[int, str]] = []
        self._evaluate = evaluate
        self._held_back = held_back
        self._watch = watch

    def left(self, noise: float) -> int:
        """Return how many executions are left to the search, without those that are held back."""
        return self.budget - self.used - self._held_back(noise)

    def learn(self, prompts: list[Prompt]) -> None:
        """Execute prompts, and keep their scores for the search. A crashed evaluation counts, but adds no score."""
        for prompt, score in zip(prompts, self.measure(prompts), strict=True):
            if score is not None:
                self.rows.append(self.prompts.setdefault(prompt, len(self.prompts)))
                self.scores.append(score)

    def measure(self, prompts: list[Prompt]) -> list[float | None]:
        """Execute prompts in batches, and return the scores. The search does not learn from these scores.

        Raises:
            ValueError: `evaluate` returned a wrong number of scores, or a score out of range.
        """
        scores: list[float | None] = []
        for start in range(0, len(prompts), self.batch):
            batch = prompts[start : start + self.batch]
            if self.used + len(batch) > self.budget:
                raise AssertionError(f"{self.used + len(batch)} evaluations; expected at most {self.budget}")
            self.used += len(batch)
            answers = self._evaluate([self.pieces.text(prompt) for prompt in batch])
            answers = list(answers) if isinstance(answers, Iterable) else [answers]
            if len(answers) != len(batch):
                raise ValueError(
                    f"evaluate returned {len(answers)} scores; expected one for each of {len(batch)} prompts"
                )
            scores += [None if score is None else _checked(score) for score in answers]
        return scores

    def recommend(self, standing: Standing) -> None:
        """Add a recommendation to the history, and pass it to `watch`."""
        self.history.append((standing.evaluations, standing.prompt))
        self._watch(standing)


def _checked(score: object) -> float:
    """Return a score as a float.

    Raises:
        ValueError: the score is no number or out of range.
    """
    number = float(score) if isinstance(score, Real | np.bool_) else math.nan
    if not 0 <= number <= 1:
        raise ValueError(f"evaluate returned the score {score!r}; expected 0 to 1, or None for a crash")
    return number
