"""Searches for the best composition of pieces.

What one execution says about a piece counts for every prompt with this piece. So the next prompt to execute may be any
composition of pieces. Draws from the posterior suggest compositions, as in Thompson sampling (Thompson, 1933). Among
these, the race executes the one with the highest knowledge gradient (Frazier, Powell and Dayanik, 2008): its execution
is expected to improve the later choice of pieces most.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from workbench.search.race.executions import Executions
from workbench.search.race.feedback import ask_for_proposal, feedback
from workbench.search.race.measuring import CAUTION, Choice
from workbench.search.race.model import Data, Matrix, Model
from workbench.search.race.pieces import Prompt, Propose
from workbench.search.race.preferences import Preferences
from workbench.search.race.standing import PieceEffect, Quality, Standing

#: How often the starting prompt is executed first.
FIRST_EXECUTIONS = 3
#: A piece is uncertain while its mean effect is within so many standard deviations of 0.
UNCERTAIN = 1.3
#: Proposals are asked for until so many pieces are uncertain: as many as executions are left, within these limits.
FEWEST_UNCERTAIN, MOST_UNCERTAIN = 4, 40
#: There is a round of proposals before each batch. It has at most `ROUND_PER_EXECUTION` proposals for each execution of
#: the batch, and at most `LARGEST_ROUND`. But two proposals for each execution are always allowed.
ROUND_PER_EXECUTION, LARGEST_ROUND = 12, 32
#: The most proposals of the race, for each execution of the budget.
PROPOSALS_PER_EXECUTION = 1.5
#: A round ends after this many proposals in a row without a new piece, for each execution of a batch.
FRUITLESS = 2
#: Votes are asked for while the probability that a proposed piece is new is below this value.
MOST_NOVELTY = 0.7
#: Nothing is proposed once only so many executions are left, or a quarter of the budget if that is less.
LAST_EXECUTIONS = 6
#: A child that keeps a smaller share of its parent's pieces is a rewrite.
KEPT_SHARE = 0.7
#: The fewest proposals after which the race decides whether the proposer rewrites.
PROPOSALS_TO_DECIDE = 8
#: The number of compositions from which the next execution is chosen.
COMPOSITIONS = 16
#: The factor by which the effects of these compositions are drawn wider than the posterior.
SPREAD = 2.0
#: The knowledge gradient looks ahead as if this share of the executions left were spent on the composition.
LOOK_AHEAD = 0.25
#: A piece whose mean effect is more than so many standard deviations below 0 is named as one to avoid.
HARMFUL = 0.8


class Composition:
    """The state of a search among compositions of pieces.

    Args:
        executions: the evaluations, with their budget.
        propose: the caller's function that proposes a changed prompt.
        rng: makes every random choice.

    Attributes:
        rewrites: the children of the starting prompt that keep too little of it, in the order of their proposals.
    """

    def __init__(self, executions: Executions, propose: Propose, rng: np.random.Generator) -> None:
        self._executions = executions
        self._pieces = executions.pieces
        self._propose = propose
        self._rng = rng
        self._model = Model()
        self._known_members: Matrix = np.zeros((0, 0))
        #: The pieces that a proposal added or took away. Only these pieces have an effect of their own.
        self._touched: list[int] = []
        self._preferences = Preferences()
        #: How many proposals there were, and how many of them were rewrites.
        self._proposals = 0
        self._rewrites = 0
        self.rewrites: list[Prompt] = []

    def run(self) -> Choice | None:
        """Search until only the reserve is left, and return the chosen prompt, or None if the proposer rewrites."""
        executions = self._executions
        executions.learn([self._pieces.seed] * min(FIRST_EXECUTIONS, max(1, executions.left(self._model.noise))))
        self._fit(steps=2)
        executions.recommend(self._standing())
        self._expand()
        while (left := executions.left(self._model.noise)) > 0:
            if self._proposer_rewrites:
                return None
            executions.learn(self._next_prompts(min(executions.batch, left)))
            self._fit(steps=2)
            executions.recommend(self._standing())
            self._expand()
        self._fit(steps=8)
        executions.recommend(self._standing())
        return Choice(self._recommended(), self._model.noise)

    # Proposals ----------------------------------------------------------------------------------------------------

    @property
    def _proposer_rewrites(self) -> bool:
        """Return True if most proposals are rewrites. The race then goes on with whole prompts."""
        return self._proposals >= PROPOSALS_TO_DECIDE and 2 * self._rewrites > self._proposals

    def _expand(self) -> None:
        """Ask for proposals, unless too few executions are left. Their pieces are noted. They are not executed."""
        left = self._executions.left(self._model.noise)
        if left > min(LAST_EXECUTIONS, self._executions.budget // 4):
            self._ask_for_pieces(left)
            self._ask_for_votes()

    def _ask_for_pieces(self, left: int) -> None:
        """Ask for proposals until enough pieces are uncertain. `left` is the number of executions that are left."""
        enough, fruitless = min(MOST_UNCERTAIN, max(FEWEST_UNCERTAIN, left)), 0
        for _ in range(self._round):
            if (
                self._proposals >= PROPOSALS_PER_EXECUTION * self._executions.budget
                or fruitless >= FRUITLESS * self._executions.batch
                or self._uncertain_pieces() >= enough
                or self._proposer_rewrites
            ):
                return
            touched_before = len(self._touched)
            if self._read_proposal(takes_new=True):
                self._fit(steps=0)
                fruitless = 0 if len(self._touched) > touched_before else fruitless + 1

    def _ask_for_votes(self) -> None:
        """Ask for more proposals if they repeat known pieces. A repeated piece is the proposer's vote for it.

        The number of executions so far limits the number of proposals. So votes come late, when they say most: few
        helpful pieces are absent then.
        """
        for _ in range(self._round):
            if (
                self._proposals >= PROPOSALS_PER_EXECUTION * self._executions.used
                or self._preferences.novelty >= MOST_NOVELTY
                or self._proposer_rewrites
            ):
                return
            if self._read_proposal(takes_new=False):
                self._fit(steps=0)

    @property
    def _round(self) -> int:
        """Return the most proposals of one round."""
        batch = self._executions.batch
        return max(min(ROUND_PER_EXECUTION * batch, LARGEST_ROUND), 2 * batch)

    def _read_proposal(self, *, takes_new: bool) -> bool:
        """Ask for one child, and note which pieces it adds and takes away. Return False if it is a rewrite.

        The parent is the leader or a composition that is drawn from the posterior, with equal probability.

        Args:
            takes_new: if False, a child that touches a piece for the first time is ignored.
        """
        leader, avoided = self._recommended(), self._harmful()
        parent = leader
        if self._rng.random() < 0.5:
            parent = self._prompt_with(self._model.draw_effects(self._rng, 1, 1.0)[0] > 0)
        text = feedback(self._pieces.text(leader), [self._pieces.piece(number) for number in avoided])
        child_text = ask_for_proposal(self._propose, self._pieces.text(parent), text)
        self._proposals += 1
        if not child_text.strip():
            return True
        child = self._pieces.read(child_text)
        if self._pieces.kept_share(parent, child) < KEPT_SHARE:
            self._rewrites += 1
            if parent == self._pieces.seed:
                self.rewrites.append(child)
            return False
        new = (child ^ parent) - set(self._touched)
        if new and not takes_new:
            return True
        self._touched += sorted(new)
        self._preferences.count(child - parent, set(self._touched) - self._pieces.seed - parent - set(avoided))
        return True

    def _harmful(self) -> list[int]:
        """Return the pieces that seem to lower the score."""
        means, deviations = self._model.effects()
        return [number for number, z in zip(self._touched, means / deviations, strict=True) if z < -HARMFUL]

    def _uncertain_pieces(self) -> int:
        """Return the number of pieces of which it is uncertain whether they help."""
        means, deviations = self._model.effects()
        return int(np.sum(np.abs(means) < UNCERTAIN * deviations))

    # Prompts ------------------------------------------------------------------------------------------------------

    def _next_prompts(self, size: int) -> list[Prompt]:
        """Return the prompts of the next batch. Each choice takes into account what the earlier prompts will teach."""
        look_ahead = max(1.0, LOOK_AHEAD * self._executions.left(self._model.noise))
        prompts = []
        for _ in range(size):
            compositions = self._model.draw_effects(self._rng, COMPOSITIONS, SPREAD) > 0
            gains = self._model.gains(compositions.astype(float), look_ahead)
            best = compositions[int(np.argmax(gains))]
            prompts.append(self._prompt_with(best))
            self._model.anticipate(best.astype(float))
        return prompts

    def _prompt_with(self, included: NDArray[np.bool_]) -> Prompt:
        """Return the prompt with these touched pieces and all pieces that were never touched."""
        touched = set(self._touched)
        chosen = [number for number, include in zip(self._touched, included, strict=True) if include]
        prompt = self._pieces.compose({*(self._pieces.seed - touched), *chosen})
        return prompt if self._pieces.text(prompt).strip() else self._pieces.seed

    def _recommended(self) -> Prompt:
        """Return the prompt with the highest cautious mean: an executed one, or the composition of all good pieces."""
        prompts = list(self._executions.prompts)
        if not prompts:
            return self._pieces.seed
        # Without evidence, the mean effect of a piece is 0. Then a piece of the starting prompt stays.
        composed = self._prompt_with(self._model.effects()[0] >= 0)
        means, variances = self._model.executed_prompts()
        values = means - CAUTION * np.sqrt(variances)
        if composed in self._executions.prompts:
            return prompts[int(np.argmax(values))]
        mean, variance = self._model.new_prompt(self._members([composed])[0])
        if mean - CAUTION * np.sqrt(variance) > np.max(values):
            return composed
        return prompts[int(np.argmax(values))]

    def _standing(self) -> Standing:
        """Return what the race knows now."""
        executions, recommended = self._executions, self._recommended()
        means, deviations = self._model.effects()
        rows = np.array(executions.rows, dtype=np.intp)
        counts = self._executed_members()[rows].sum(axis=0)
        return Standing(
            executions.used,
            self._pieces.text(recommended),
            best=self._quality(recommended),
            seed=self._quality(self._pieces.seed),
            effects=tuple(
                PieceEffect(
                    text=self._pieces.piece(number),
                    mean=float(means[index]),
                    deviation=float(deviations[index]),
                    executions=int(counts[index]),
                    in_seed=number in self._pieces.seed,
                    in_best=number in recommended,
                )
                for index, number in enumerate(self._touched)
            ),
            noise=math.sqrt(self._model.noise) if executions.scores else None,
        )

    def _quality(self, prompt: Prompt) -> Quality | None:
        """Return the posterior of a prompt's quality, or None before any score."""
        if not self._executions.scores:
            return None
        if prompt in self._executions.prompts:
            means, variances = self._model.executed_prompts()
            row = self._executions.prompts[prompt]
            mean, variance = float(means[row]), float(variances[row])
        else:
            mean, variance = self._model.new_prompt(self._members([prompt])[0])
        return Quality(mean, math.sqrt(max(variance, 0.0)))

    # The model ----------------------------------------------------------------------------------------------------

    def _fit(self, steps: int) -> None:
        """Fit the model to all scores so far, with so many steps of EM."""
        executions, seed = self._executions, self._pieces.seed
        preferences = [np.nan if number in seed else self._preferences.of(number) for number in self._touched]
        data = Data(
            members=self._executed_members(),
            preferences=np.array(preferences, dtype=float),
            prompts=np.array(executions.rows, dtype=np.intp),
            scores=np.array(executions.scores, dtype=float),
        )
        self._model.fit(data, steps)

    def _executed_members(self) -> Matrix:
        """Return `_members` of all executed prompts. It is computed again only for a new prompt or a new piece."""
        shape = (len(self._executions.prompts), len(self._touched))
        if self._known_members.shape != shape:
            self._known_members = self._members(list(self._executions.prompts))
        return self._known_members

    def _members(self, prompts: list[Prompt]) -> Matrix:
        """Return which touched pieces each prompt has, (prompts, pieces)."""
        rows = [[number in prompt for number in self._touched] for prompt in prompts]
        return np.array(rows, dtype=float).reshape(len(prompts), len(self._touched))
