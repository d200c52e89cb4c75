"""The race finds the pieces that help, keeps to its budget, and survives useless proposers and crashes."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.search.race import RaceResult, race

SEED = "Write a plan that reaches the goal"
EFFECTS = {"risks": 0.2, "tests": 0.15, "order": 0.1, "poetry": -0.2, "jokes": -0.15}


def quality(prompt: str) -> float:
    return 0.4 + sum(EFFECTS.get(word, 0.0) for word in set(prompt.split()))


class World:
    """A proposer that adds or removes one word, and scores with noise. Every evaluated batch is kept."""

    def __init__(self, seed: int, noise: float = 0.05, crashes: float = 0.0) -> None:
        self._rng = np.random.default_rng([1, seed])
        self._noise = noise
        self._crashes = crashes
        self.batches: list[list[str]] = []

    def propose(self, parent: str, feedback: str) -> str:
        words, word = parent.split(), str(self._rng.choice(list(EFFECTS)))
        return " ".join([*(w for w in words if w != word)] if word in words else [*words, word])

    def evaluate(self, prompts: list[str]) -> list[float | None]:
        self.batches.append(prompts)
        return [self._score(prompt) for prompt in prompts]

    def _score(self, prompt: str) -> float | None:
        if self._rng.random() < self._crashes:
            return None
        return float(np.clip(quality(prompt) + self._noise * self._rng.standard_normal(), 0, 1))


def run(world: World, budget: int = 60, *, batch: int = 1, seed: int = 0) -> RaceResult:
    return race(SEED, world.propose, world.evaluate, budget, np.random.default_rng(seed), batch=batch)


@pytest.mark.parametrize("batch", [1, 16])
def test_the_race_composes_the_pieces_that_help(batch: int) -> None:
    world = World(1, crashes=0.05)
    result = run(world, batch=batch)
    assert set(result.best.split()) == {*SEED.split(), "risks", "tests", "order"}
    assert result.estimate is not None and result.interval is not None
    assert abs(result.estimate - quality(result.best)) < 0.06
    assert result.interval[0] < result.estimate < result.interval[1]
    assert result.evaluations == 60 == sum(map(len, world.batches))
    assert max(map(len, world.batches)) <= batch


def test_equal_answers_lead_to_equal_results() -> None:
    assert run(World(2), seed=3) == run(World(2), seed=3)


def test_the_history_counts_evaluations_and_ends_with_the_best_prompt() -> None:
    result = run(World(4))
    counts = [count for count, _ in result.history]
    assert counts == sorted(counts)
    assert result.history[-1][1] == result.best


@pytest.mark.parametrize("budget", [1, 2, 3, 6, 7, 8, 12, 25])
@pytest.mark.parametrize("batch", [1, 5])
def test_the_budget_is_spent_and_never_exceeded(budget: int, batch: int) -> None:
    world = World(5)
    result = run(world, budget, batch=batch)
    assert result.evaluations == budget == sum(map(len, world.batches))
    assert result.estimate is not None


@pytest.mark.parametrize(
    "propose",
    [
        lambda parent, feedback: parent,
        lambda parent, feedback: "",
        lambda parent, feedback: " \n",
        lambda parent, feedback: None,
        lambda parent, feedback: "Something else entirely",
    ],
    ids=["the parent", "empty", "blank", "none", "always the same rewrite"],
)
def test_a_useless_proposer_does_not_stop_the_race(propose: Callable[[str, str], str | None]) -> None:
    world = World(6)
    result = race(SEED, propose, world.evaluate, 40, np.random.default_rng(0))
    assert result.evaluations == 40
    assert result.best in (SEED, "Something else entirely")


def test_an_evaluation_that_always_crashes_gives_no_estimate() -> None:
    world = World(7, crashes=1.0)
    result = run(world, 40)
    assert (result.best, result.estimate, result.interval, result.evaluations) == (SEED, None, None, 40)


@pytest.mark.parametrize("score", [-0.01, 1.01, math.nan, math.inf, "0.5"])
def test_a_score_out_of_range_is_an_error(score: Any) -> None:
    with pytest.raises(ValueError, match="expected 0 to 1"):
        race(SEED, lambda parent, feedback: parent, lambda prompts: [score], 5, np.random.default_rng(0))


def test_too_few_scores_are_an_error() -> None:
    with pytest.raises(ValueError, match="returned 0 scores"):
        race(SEED, lambda parent, feedback: parent, lambda prompts: [], 5, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": 0}, "budget is 0; expected a whole number of at least 1"),
        ({"budget": 60.5}, "budget is 60.5"),
        ({"budget": "7"}, "budget is '7'"),
        ({"batch": 0}, "batch is 0"),
        ({"batch": 2.5}, "batch is 2.5"),
        ({"rng": 5}, "rng is 5; expected a numpy.random.Generator"),
        ({"split": str.split}, "one of split and join"),
    ],
)
def test_a_wrong_argument_is_an_error_before_anything_is_evaluated(changes: dict[str, Any], message: str) -> None:
    """Evaluations cost money, so none is lost."""
    world = World(8)
    arguments: dict[str, Any] = {"budget": 20, "rng": np.random.default_rng(0), **changes}
    with pytest.raises(ValueError, match=message):
        race(SEED, world.propose, lambda prompts: pytest.fail("evaluated"), **arguments)


def test_a_proposal_that_is_no_text_is_an_error() -> None:
    def propose(parent: str, feedback: str) -> Any:
        return 7

    with pytest.raises(ValueError, match="propose returned 7; expected a whole prompt as text"):
        race(SEED, propose, World(8).evaluate, 20, np.random.default_rng(0))


def test_numbers_of_numpy_and_booleans_are_scores() -> None:
    """So are arrays of them."""
    for scores in (np.array([0.5], dtype="f4"), np.array([True]), (1,), iter([0.25])):
        evaluate = functools.partial(lambda answer, prompts: answer, scores)
        assert race(SEED, lambda parent, feedback: parent, evaluate, 1, np.random.default_rng(0)).best


def test_an_empty_seed_prompt_can_grow() -> None:
    world = World(9)
    result = race("", world.propose, world.evaluate, 60, np.random.default_rng(0))
    assert set(result.best.split()) == {"risks", "tests", "order"}


def test_the_proposer_is_told_the_leader_and_what_to_avoid() -> None:
    world = World(10)
    feedbacks: list[str] = []

    def propose(parent: str, feedback: str) -> str:
        feedbacks.append(feedback)
        return world.propose(parent, feedback)

    race(SEED, propose, world.evaluate, 60, np.random.default_rng(0))
    assert SEED in feedbacks[0]
    avoided = [feedback.partition("Avoid")[2] for feedback in feedbacks]
    assert any("- poetry" in text for text in avoided)
    assert not any("- risks" in text for text in avoided[-5:])


@pytest.mark.parametrize(
    ("words", "least", "most"), [(60, 60, 80), (10_000, 20, 50)], ids=["few words", "always new words"]
)
def test_a_proposer_that_repeats_itself_is_asked_for_votes(words: int, least: int, most: int) -> None:
    """The scores alone cannot tell so many pieces apart. A proposer with new pieces only is not asked for more."""
    rng = np.random.default_rng(11)
    proposals = 0

    def propose(parent: str, feedback: str) -> str:
        nonlocal proposals
        proposals += 1
        return f"{parent} word{rng.integers(words)}"

    def evaluate(prompts: list[str]) -> list[float | None]:
        return [float(np.clip(0.5 + 0.2 * rng.standard_normal(), 0, 1)) for _ in prompts]

    race(SEED, propose, evaluate, 60, np.random.default_rng(0))
    assert least <= proposals <= most


def test_a_rewriting_proposer_is_raced_as_whole_prompts() -> None:
    """Each rewrite has new words, and a quality near that of its parent."""
    rng = np.random.default_rng(11)
    qualities = {SEED: 0.4}

    def propose(parent: str, feedback: str) -> str:
        child = f"Rewrite{len(qualities)} has wholly{len(qualities)} new{len(qualities)} words{len(qualities)}"
        qualities[child] = min(0.9, qualities[parent] + 0.08 * rng.standard_normal())
        return child

    def evaluate(prompts: list[str]) -> list[float | None]:
        return [float(np.clip(qualities[prompt] + 0.05 * rng.standard_normal(), 0, 1)) for prompt in prompts]

    batches: list[int] = []

    def evaluate_and_count(prompts: list[str]) -> list[float | None]:
        batches.append(len(prompts))
        return evaluate(prompts)

    result = race(SEED, propose, evaluate_and_count, 100, np.random.default_rng(0), batch=16)
    assert qualities[result.best] > 0.6
    assert result.evaluations == sum(batches) == 100
    # Each batch adds one rewrite to the best chain at most, so the batches are small until the reserve.
    assert batches.count(5) >= 14


def test_the_example_in_the_documentation_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "race.md"
    (code,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, str(page), "exec"), {})  # noqa: S102  # the example stands in this repository
    assert capsys.readouterr().out.startswith("Write a plan risks tests 0.8")
