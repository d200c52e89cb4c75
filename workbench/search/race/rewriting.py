"""Searches for the best whole prompt, for proposers that rewrite the text instead of editing it."""

from __future__ import annotations

import math

import numpy as np

from workbench.search.race.executions import Executions
from workbench.search.race.feedback import ask_for_proposal, feedback
from workbench.search.race.lineage import Lineage
from workbench.search.race.measuring import CAUTION, Choice
from workbench.search.race.pieces import Prompt, Propose
from workbench.search.race.standing import Quality, Standing

#: After this many proposals in a row that are no new prompt, the parent itself is executed.
TRIES = 3
#: The best prompt is the end of a chain of rewrites, and each batch adds one rewrite to the chain at most. So a batch
#: has at most one of this many parts of the budget (docs/race.md).
PARTS = 20


class WholePrompts:
    """The state of a search among whole prompts.

    Args:
        executions: the evaluations so far, which the search continues.
        propose: the caller's function that proposes a changed prompt.
        waiting: rewrites of the starting prompt that were proposed but not executed yet.
    """

    def __init__(self, executions: Executions, propose: Propose, waiting: list[Prompt]) -> None:
        self._executions = executions
        self._propose = propose
        self._lineage = Lineage()
        seed = executions.pieces.seed
        #: The number of each prompt in the lineage.
        self._numbers: dict[Prompt, int] = {seed: self._lineage.add(None)}
        for prompt in executions.prompts:
            if prompt != seed:
                self._numbers[prompt] = self._lineage.add(0)
        #: Proposed children that were not executed yet, by the number of their parent.
        self._waiting = {0: waiting}
        self._fit(steps=2)

    def run(self) -> Choice:
        """Search until only the reserve is left, and return the chosen prompt."""
        executions = self._executions
        batch = max(1, min(executions.batch, executions.budget // PARTS))
        while (left := executions.left(self._lineage.noise)) > 0:
            actions = self._lineage.choose(self._candidates(), min(batch, left))
            executions.learn([self._child(number) if child else self._prompt(number) for number, child in actions])
            self._fit(steps=2)
            executions.recommend(self._standing())
        self._fit(steps=8)
        executions.recommend(self._standing())
        return Choice(self._best(), self._lineage.noise)

    def _fit(self, steps: int) -> None:
        """Fit the lineage to all scores so far."""
        executions = self._executions
        numbers = {row: self._numbers[prompt] for prompt, row in executions.prompts.items()}
        self._lineage.fit([numbers[row] for row in executions.rows], executions.scores, steps)

    def _candidates(self) -> list[int]:
        """Return the prompts with scores, or the starting prompt if there is none."""
        return [self._numbers[prompt] for prompt in self._executions.prompts] or [0]

    def _prompt(self, number: int) -> Prompt:
        """Return the prompt with this number."""
        return next(prompt for prompt, other in self._numbers.items() if other == number)

    def _best(self) -> Prompt:
        """Return the prompt with the highest cautious mean."""
        numbers = self._candidates()
        deviations = np.sqrt(np.maximum(np.diag(self._lineage.covariance)[numbers], 0.0))
        return self._prompt(numbers[int(np.argmax(self._lineage.means[numbers] - CAUTION * deviations))])

    def _standing(self) -> Standing:
        """Return what the race knows now."""
        executions, best = self._executions, self._best()
        has_scores = bool(executions.scores)
        return Standing(
            executions.used,
            executions.pieces.text(best),
            best=self._quality(self._numbers[best]) if has_scores else None,
            seed=self._quality(0) if has_scores else None,
            noise=math.sqrt(self._lineage.noise) if has_scores else None,
        )

    def _quality(self, number: int) -> Quality:
        """Return the posterior of a prompt's quality."""
        variance = float(self._lineage.covariance[number, number])
        return Quality(float(self._lineage.means[number]), math.sqrt(max(variance, 0.0)))

    def _child(self, parent: int) -> Prompt:
        """Return a new child of a prompt, or the prompt itself if the proposer has no new one."""
        waiting, pieces = self._waiting.get(parent, []), self._executions.pieces
        prompt = self._prompt(parent)
        for _ in range(TRIES):
            if waiting:
                child = waiting.pop()
            else:
                child = pieces.read(ask_for_proposal(self._propose, pieces.text(prompt), self._feedback()))
            if child not in self._numbers and pieces.text(child).strip():
                self._numbers[child] = self._lineage.add(parent)
                return child
        return prompt

    def _feedback(self) -> str:
        """Return the text for the proposer. Whole prompts have no pieces to avoid."""
        return feedback(self._executions.pieces.text(self._best()), [])
