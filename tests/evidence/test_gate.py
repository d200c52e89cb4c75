"""A decision in steps, while pairs are bought."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.evidence.gate import MOST_PAIRS, decide_in_steps, looks, stages, undecidable
from workbench.evidence.promotion import ALPHA, ALPHA_AUTO


def bought(
    champion: list[float], challenger: list[float], pairs: int = MOST_PAIRS, alpha: float = ALPHA
) -> tuple[str, int]:
    """Return the verdict, and after how many pairs it fell."""
    for number in range(len(champion) + 1):
        decision = decide_in_steps({"g": champion[:number]}, {"g": challenger[:number]}, pairs=pairs, alpha=alpha)
        if decision is not None:
            return decision.verdict, number
    raise AssertionError("the last look did not decide")


def test_the_risk_is_spent_over_the_looks() -> None:
    """The last look may spend all of it. The first one is where a perfect separation is rare enough."""
    assert [(look.pairs, round(look.alpha, 4)) for look in looks(16)] == [
        (4, 0.0143),
        (8, 0.026),
        (12, 0.038),
        (16, 0.05),
    ]
    assert [look.pairs for look in looks(8)] == [4, 8]
    assert looks(8)[-1].alpha == pytest.approx(ALPHA)
    assert [look.pairs for look in looks(16, ALPHA_AUTO)] == [8, 12, 16]
    assert [look.pairs for look in looks(6)] == [4, 6]


def test_few_pairs_promote_nothing() -> None:
    """Three pairs are bought and compared, and the decision says how many more it needs."""
    assert (looks(3), stages(3)) == ([], [3])
    assert "expected 4 or more" in (undecidable(3) or "")
    assert "expected 5 or more" in (undecidable(4, ALPHA_AUTO) or "")
    assert undecidable(4) is None
    decision = decide_in_steps({"g": [3.0, 3.1, 3.2]}, {"g": [8.0, 8.1, 8.2]}, pairs=3)
    assert decision is not None
    assert (decision.verdict, decision.more) == ("undecided", 1)
    assert decision.low <= 0 < decision.difference


def test_a_clear_gain_is_promoted_after_four_pairs() -> None:
    assert bought([3.0, 3.1, 2.9, 3.2] * 4, [8.0, 8.1, 7.9, 8.2] * 4) == ("promote", 4)


def test_a_challenger_that_is_no_better_is_given_up_early() -> None:
    """Half of the pairs are saved on prompts that are alike."""
    assert bought([5.0, 5.1, 5.2, 5.3] * 4, [5.0, 5.1, 5.2, 5.2] * 4) == ("keep", 4)


def test_an_unclear_gain_takes_all_pairs() -> None:
    champion, challenger = [5.0, 6.0, 4.0, 7.0] * 4, [5.3, 6.3, 4.3, 7.3] * 4
    assert bought(champion, challenger) == ("undecided", 16)
    assert bought(champion, challenger, pairs=8) == ("undecided", 8)


def test_a_goal_that_waits_for_its_pairs_holds_up_the_look() -> None:
    champion, challenger = {"a": [3.0] * 4, "b": [4.0] * 3}, {"a": [8.0] * 4, "b": [9.0] * 4}
    assert decide_in_steps(champion, challenger, pairs=8) is None
    champion["b"] = [4.0] * 4
    decision = decide_in_steps(champion, challenger, pairs=8)
    assert decision is not None
    assert decision.verdict == "promote"


def test_a_replay_makes_the_same_decision() -> None:
    rng = np.random.default_rng(5)
    champion, challenger = list(rng.normal(5, 1, 12)), list(rng.normal(5.7, 1, 12))
    first = decide_in_steps({"g": champion}, {"g": challenger}, pairs=12)
    assert first == decide_in_steps({"g": champion}, {"g": challenger}, pairs=12)
    assert first is not None
    assert first.low <= first.difference <= first.high


@pytest.mark.slow
def test_all_looks_together_promote_luck_at_most_in_one_of_twenty() -> None:
    """A gain of two points is found with fewer pairs than allowed. bench/promotion.py measures both at length."""
    rng, trials = np.random.default_rng(1), 120

    def run(gain: float) -> tuple[float, float]:
        ends = []
        for _ in range(trials):
            champion, challenger = (list(np.round(rng.normal(mean, 1.2, 16), 1)) for mean in (6.0, 6.0 + gain))
            ends.append(bought(champion, challenger))
        promoted = [pairs for verdict, pairs in ends if verdict == "promote"]
        return len(promoted) / trials, float(np.mean([pairs for _, pairs in ends]))

    lucky, pairs = run(0.0)
    assert lucky <= ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / trials)
    assert pairs < 12
    power, pairs = run(2.0)
    assert power > 0.9
    assert pairs < 10
