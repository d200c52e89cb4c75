"""Searches for the best prompt with few and noisy executions, by a method that is called the race.

A prompt is made of pieces. What one execution says about a piece counts for every prompt with this piece, and the next
prompt is composed of the pieces that look good. docs/race.md explains the method and has its measurements.

The caller passes two functions: one proposes a changed prompt, and one evaluates prompts. The race uses nothing else
of its surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from workbench.search.race.composing import Composition
from workbench.search.race.executions import Evaluate, Executions
from workbench.search.race.measuring import Choice, estimate, reserve
from workbench.search.race.model import NOISE_VARIANCE
from workbench.search.race.pieces import Join, Needs, Pieces, Propose, Split, default_split, no_needs
from workbench.search.race.rewriting import WholePrompts
from workbench.search.race.standing import Standing, Watch

__all__ = ["RaceResult", "choose", "race"]


@dataclass(frozen=True)
class RaceResult:
    """The result of a race. Scores are from 0 to 1.

    Attributes:
        best: the chosen prompt.
        estimate: the mean score of fresh executions of the chosen prompt, None if all of them crashed.
        interval: the 90 % confidence interval of the prompt's quality, None if there is no estimate.
        evaluations: how many prompts were evaluated, the crashed ones included.
        history: pairs of the evaluations so far and the prompt that was recommended then, oldest first.
    """

    best: str
    estimate: float | None
    interval: tuple[float, float] | None
    evaluations: int
    history: list[tuple[int, str]]


def race(
    seed_prompt: str,
    propose: Propose,
    evaluate: Evaluate,
    budget: int,
    rng: np.random.Generator,
    *,
    batch: int = 1,
    split: Split | None = None,
    join: Join | None = None,
) -> RaceResult:
    """Search for the best prompt with noisy evaluations, and measure the best prompt on fresh evaluations.

    With several goals, the caller evaluates one goal at a time, in rotation.

    Args:
        seed_prompt: the starting prompt.
        propose: called with a prompt and with what the race knows, as text. Returns a changed version of the prompt. If
            it has none, it returns None or an empty text.
        evaluate: called with prompts. Returns a score from 0 to 1 for each prompt, or None for a crashed evaluation.
        budget: the most evaluations, at least 1. The fresh evaluations of the chosen prompt are included.
        rng: makes every random choice, so equal answers lead to equal results.
        batch: how many prompts are evaluated at once.
        split: returns the pieces of a prompt. By default, these are lines if the seed prompt has at least two lines,
            else words.
        join: undoes `split`.

    Raises:
        ValueError: an argument or a score is of a wrong kind or out of range.
    """
    budget, batch = _whole("budget", budget), _whole("batch", batch)
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng is {rng!r}; expected a numpy.random.Generator; pass numpy.random.default_rng(0)")
    if (split is None) != (join is None):
        raise ValueError("only one of split and join was passed; expected both, or none; pass the other one too")
    if split is None or join is None:
        split, join = default_split(seed_prompt)
    pieces = Pieces(seed_prompt, split, join)
    executions = Executions(pieces, evaluate, budget, batch, lambda noise: reserve(budget, noise))
    choice = _choose(executions, propose, rng)
    fresh = executions.measure([choice.prompt] * (budget - executions.used))
    scores = [score for score in fresh if score is not None]
    mean, interval = estimate(scores, choice.noise) if scores else (None, None)
    return RaceResult(pieces.text(choice.prompt), mean, interval, executions.used, executions.history)


def _whole(name: str, value: object) -> int:
    """Return an argument as a whole number. NumPy's whole numbers are accepted, too.

    Raises:
        ValueError: the argument is no whole number, or below 1.
    """
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} is {value!r}; expected a whole number of at least 1; pass another number")
    return int(value)


def choose(
    seed_prompt: str,
    propose: Propose,
    evaluate: Evaluate,
    budget: int,
    rng: np.random.Generator,
    *,
    batch: int,
    split: Split,
    join: Join,
    needs: Needs = no_needs,
    watch: Watch = lambda standing: None,
) -> str:
    """Return the prompt that a race chooses, and leave its measurement to the caller.

    The whole budget is for the search. The arguments that are not listed here are those of `race`.

    Args:
        needs: returns the pieces that a piece needs. A prompt without one of them is composed without the piece, too.
        watch: called with what the race knows, after each batch and at the end.
    """
    pieces = Pieces(seed_prompt, split, join, needs)
    choice = _choose(Executions(pieces, evaluate, budget, batch, lambda noise: 0, watch), propose, rng)
    return pieces.text(choice.prompt)


def _choose(executions: Executions, propose: Propose, rng: np.random.Generator) -> Choice:
    """Search among compositions of pieces, or among whole prompts if the proposer rewrites. Return the choice."""
    if executions.left(NOISE_VARIANCE) <= 0:
        # There are too few executions for a search, so the starting prompt is the choice.
        executions.recommend(Standing(executions.used, executions.pieces.text(executions.pieces.seed)))
        return Choice(executions.pieces.seed, NOISE_VARIANCE)
    composition = Composition(executions, propose, rng)
    return composition.run() or WholePrompts(executions, propose, composition.rewrites).run()
