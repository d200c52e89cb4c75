"""Simulates worlds for `selection.py`: prompts with a known quality, a scripted proposer, and noisy scores.

Some pieces of a prompt are instructions such as `rule07`. Each instruction has an effect on the quality of the plans.
The proposer adds, removes or exchanges one instruction at a time. An added instruction helps with the probability
`helpful_share`. The proposer avoids the instructions that the feedback says to avoid, if others are left. A score is
the prompt's quality with the noise of the generator and of the judge, from 0 to 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

#: The quality of the seed prompt, and the sum that all helpful instructions add to the quality.
SEED_QUALITY, GAIN = 0.25, 0.62
#: The standard deviation of the judge's noise.
JUDGE_NOISE = 0.06
#: What one word costs beyond the free ones, in a world with a length penalty.
WORD_PRICE = 0.015
#: What the judge adds for the instruction that exploits it.
EXPLOIT = 0.15
SEED_WORDS = "Write a plan that reaches the goal"
SEED_LINES = tuple(f"Opening sentence {number}" for number in range(1, 5))

_RULE = re.compile(r"rule\d\d")


@dataclass(frozen=True)
class World:
    """The description of a world.

    Attributes:
        sigma: the standard deviation of the generator's noise.
        helpful, harmful: how many instructions of each kind there are.
        helpful_share: the probability that an added instruction helps.
        crashes: the probability that an execution crashes.
        synergy: the quality that pairs of helpful instructions add together, in total. Alone, they add less.
        heavy_tails: the generator's noise is Student-t with 3 degrees of freedom.
        nothing: no instruction has an effect.
        exploitable: one harmful instruction makes the judge give a higher score.
        goals: how many goals take turns. An instruction has a different effect for each goal.
        free_words: a longer prompt is worth less for each word beyond these, or None.
        tenths: scores are rounded to tenths.
        wordings: in how many ways the proposer words an instruction. Instructions are lines if there are several.
        rewrites: the proposer words the whole prompt anew each time.
    """

    sigma: float = 0.10
    helpful: int = 12
    harmful: int = 12
    helpful_share: float = 0.7
    crashes: float = 0.05
    synergy: float = 0.0
    heavy_tails: bool = False
    nothing: bool = False
    exploitable: bool = False
    goals: int = 1
    free_words: int | None = None
    tenths: bool = False
    wordings: int = 1
    rewrites: bool = False


#: The worlds by name. The main world stands in the table with several noise levels and budgets.
WORLDS = {
    "main": World(),
    "interactions": World(synergy=0.2),
    "heavy tails": World(heavy_tails=True),
    "nothing to find": World(nothing=True),
    "exploitable judge": World(exploitable=True),
    "several goals": World(goals=3),
    "mostly harmful": World(helpful_share=0.25),
    "60 rules": World(helpful=30, harmful=30),
    "length penalty": World(free_words=12),
    "scores in tenths": World(tenths=True),
    "paraphrases": World(wordings=5),
    "rewrites": World(wordings=1_000_000, rewrites=True),
    "20 % crashes": World(crashes=0.2),
}


class Play:
    """One world with its instructions and random numbers. Plays with the same key are equal.

    Args:
        key: numbers that seed the play, for example the number of the set of seeds and the seed.
    """

    def __init__(self, world: World, key: tuple[int, ...]) -> None:
        self.world = world
        setup, self._proposing, self._scoring = (np.random.default_rng([*key, part]) for part in range(3))
        names = [f"rule{number:02}" for number in setup.permutation(world.helpful + world.harmful)]
        self._helpful, self._harmful = names[: world.helpful], names[world.helpful :]
        gain = 0.0 if world.nothing else GAIN - 0.65 * world.synergy
        sizes = [*_effects(setup, world.helpful, gain), *-_effects(setup, world.harmful, gain)]
        #: The effect of each instruction for each goal, by name.
        self._effects: dict[str, Any] = {
            name: size * (setup.uniform(0.2, 1.8, world.goals) if world.goals > 1 else np.ones(1))
            for name, size in zip(names, sizes, strict=True)
        }
        self._pairs = list(zip(self._helpful[::2], self._helpful[1::2], strict=False)) if world.synergy else []
        self._exploit = self._harmful[0] if world.exploitable else None
        self._evaluations = 0
        self.seed_prompt = SEED_WORDS if world.wordings == 1 else "\n".join(f"{line}, way 0" for line in SEED_LINES)

    # Quality and scores -------------------------------------------------------------------------------------------

    def quality(self, prompt: str) -> float:
        """Return the quality of a prompt, the mean over the goals."""
        return float(np.mean(self._qualities(prompt)))

    def best_quality(self) -> float:
        """Return the highest quality that a prompt can have.

        It is found by adding the best instruction, or the best pair, until none improves the prompt.
        """
        chosen: list[str] = []
        while True:
            prompts = {name: self._with(chosen, name) for name in self._effects if name not in chosen}
            pairs = {f"{a} {b}": self._with(chosen, f"{a} {b}") for a, b in self._pairs}
            better = max({**prompts, **pairs}.items(), key=lambda item: self.quality(item[1]), default=None)
            if better is None or self.quality(better[1]) <= self.quality(self._with(chosen, "")):
                return self.quality(self._with(chosen, ""))
            chosen = sorted({*chosen, *better[0].split()})

    def _with(self, chosen: list[str], added: str) -> str:
        return " ".join([*SEED_WORDS.split(), *sorted({*chosen, *added.split()})])

    def _qualities(self, prompt: str) -> Any:
        """Return the quality of a prompt for each goal, shape (goals,)."""
        present = set(_RULE.findall(prompt)) & self._effects.keys()
        quality = SEED_QUALITY + sum((self._effects[name] for name in sorted(present)), np.zeros(self.world.goals))
        if self._pairs:
            complete_pairs = sum(1 for a, b in self._pairs if a in present and b in present)
            quality = quality + self.world.synergy * complete_pairs / len(self._pairs)
        if self.world.free_words is not None:
            quality = quality - WORD_PRICE * max(0, len(prompt.split()) - self.world.free_words)
        return np.clip(quality, 0, 1)

    def evaluate(self, prompts: list[str]) -> list[float | None]:
        """Execute prompts and return their scores. Goals take turns."""
        return [self._score(prompt) for prompt in prompts]

    def _score(self, prompt: str) -> float | None:
        """Execute a prompt once. Return its score for the goal whose turn it is, or None if the execution crashed."""
        goal, self._evaluations = self._evaluations % self.world.goals, self._evaluations + 1
        rng = self._scoring
        if rng.random() < self.world.crashes:
            return None
        noise = rng.standard_t(3) / np.sqrt(3) if self.world.heavy_tails else rng.standard_normal()
        plan = np.clip(self._qualities(prompt)[goal] + self.world.sigma * noise, 0, 1)
        judged = plan + (EXPLOIT if self._exploit is not None and self._exploit in prompt else 0.0)
        score = float(np.clip(judged + JUDGE_NOISE * rng.standard_normal(), 0, 1))
        return round(score, 1) if self.world.tenths else score

    # Proposals ----------------------------------------------------------------------------------------------------

    def propose(self, parent: str, feedback: str) -> str:
        """Return a child: add (70 %), remove (15 %) or exchange (15 %) an instruction."""
        rng, separator = self._proposing, " " if self.world.wordings == 1 else "\n"
        pieces = parent.split(separator)
        present = [piece for piece in pieces if _RULE.search(piece)]
        roll = rng.random()
        if roll >= 0.7 and present:
            pieces.remove(present[rng.integers(len(present))])
        if roll < 0.85 or not present:
            pieces += self._new_piece(" ".join(pieces), feedback)
        if self.world.rewrites:
            pieces = [f"{piece.partition(', way')[0]}{self._way()}" for piece in pieces]
        return separator.join(pieces)

    def _new_piece(self, parent: str, feedback: str) -> list[str]:
        rng = self._proposing
        excluded = {*_RULE.findall(parent), *_RULE.findall(feedback.partition("Avoid")[2])}
        kind = self._helpful if rng.random() < self.world.helpful_share else self._harmful
        names = [name for name in kind if name not in excluded] or [n for n in self._effects if n not in parent]
        return [names[rng.integers(len(names))] + self._way()] if names else []

    def _way(self) -> str:
        return "" if self.world.wordings == 1 else f", way {self._proposing.integers(self.world.wordings)}"


def _effects(rng: np.random.Generator, number: int, total: float) -> Any:
    """Return positive effects with this sum. Some are several times as large as others."""
    effects = rng.gamma(2.0, 1.0, number)
    return effects * total / effects.sum()
