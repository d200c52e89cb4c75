"""Defines the search rules that `selection.py` compares. A rule returns a prompt and the score that it reports."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean

import numpy as np

from bench.selection_worlds import Play
from workbench.search.race import race

#: A rule is called with a play, a budget in executions and a generator of random numbers.
Rule = Callable[[Play, int, np.random.Generator], tuple[str, float]]

#: How many executions successive halving holds back at most, and how many prompts it keeps after each round.
HELD_OUT, KEPT = 12, 4


def race_rule(play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Run the race as a run with one execution at a time does."""
    result = race(play.seed_prompt, play.propose, play.evaluate, budget, rng)
    return result.best, result.estimate or 0.0


def race_in_batches(play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Run the race with 16 executions at a time."""
    result = race(play.seed_prompt, play.propose, play.evaluate, budget, rng, batch=16)
    return result.best, result.estimate or 0.0


def random_search(play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Execute children of the seed prompt once each, and take the highest score."""
    prompts = [play.seed_prompt, *(play.propose(play.seed_prompt, "") for _ in range(budget - 1))]
    scores = [score or 0.0 for score in play.evaluate(prompts)]
    best = int(np.argmax(scores))
    return prompts[best], scores[best]


def hill_climbing(play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Execute a child of the best prompt, and go on with the child if its score is higher."""
    best, best_score = play.seed_prompt, play.evaluate([play.seed_prompt])[0] or 0.0
    for _ in range(budget - 1):
        child = play.propose(best, "")
        score = play.evaluate([child])[0] or 0.0
        if score > best_score:
            best, best_score = child, score
    return best, best_score


def successive_halving(play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Execute each prompt of a pool once more, drop the worse half, and add children of the better half.

    At most HELD_OUT executions are held back, to measure the prompt with the highest mean of the last pool.
    """
    scores: dict[str, list[float]] = {play.seed_prompt: []}
    remaining = budget - min(HELD_OUT, budget // 3)
    while remaining > 0:
        parents = list(scores)
        while len(scores) < 2 * KEPT:
            scores.setdefault(play.propose(parents[int(rng.integers(len(parents)))], ""), [])
        for prompt in list(scores)[:remaining]:
            scores[prompt].append(play.evaluate([prompt])[0] or 0.0)
            remaining -= 1
        means = {prompt: fmean(values) for prompt, values in scores.items() if values}
        scores = {prompt: scores[prompt] for prompt in sorted(means, key=means.__getitem__, reverse=True)[:KEPT]}
    best = next(iter(scores))
    fresh = [score for score in play.evaluate([best] * min(HELD_OUT, budget // 3)) if score is not None]
    return best, fmean(fresh) if fresh else 0.0


RULES: dict[str, Rule] = {
    "race": race_rule,
    "race, batches of 16": race_in_batches,
    "random search": random_search,
    "hill climbing": hill_climbing,
    "successive halving": successive_halving,
}

#: DSPy's optimizers in the product, by their names in the table.
DSPY_RULES = {"dspy.GEPA": "gepa", "MIPROv2": "mipro", "COPRO": "copro", "SIMBA": "simba"}


def run_rule(name: str, play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Run the rule of this name."""
    if name in RULES:
        return RULES[name](play, budget, rng)
    from bench.selection_dspy import dspy_rule  # DSPy takes seconds to import

    return dspy_rule(DSPY_RULES[name], play, budget, rng)
