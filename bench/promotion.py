"""Measures how often the gate is wrong, how often it finds a gain, and what its decisions cost.

    python bench/promotion.py [--trials 10000] [--seed 1] [--smallest]

Prints two tables on standard error, and one line of JSON on standard output. The first table has, for each form of
noise and each pair of sample sizes, how often a challenger that is no better is promoted: by the permutation test of
`workbench.evidence.promotion`, by Welch's t-test, and by comparing means. It also has the coverage of the interval of
the difference. The second table has the same for the gate in steps, with its power at gains of 1, 2 and 3 points
(scores in tenths, a standard deviation of 1.2) and the pairs that it took. `worst` is the permutation test's largest
share of wrong promotions, and `ratio` is the largest share of comparing means, divided by `worst`. The exit code is 1
if a share is implausible.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Callable

import numpy as np
from scipy import stats

from bench.outcome import conclude
from workbench.evidence.gate import decide_in_steps, stages
from workbench.evidence.promotion import ALPHA, ALPHA_AUTO, decide

#: Draws this many scores.
Draw = Callable[[np.random.Generator, int], np.ndarray]
NOISE: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(5, 1, n),
    "heavy tails": lambda rng, n: np.clip(5 + rng.standard_t(2, n), 0, 10),
    "skewed": lambda rng, n: np.minimum(10, rng.exponential(2, n)),
    "zero or ten": lambda rng, n: 10.0 * (rng.random(n) < 0.7),
    "mostly ten": lambda rng, n: 10.0 * (rng.random(n) < 0.95),
    "tenths": lambda rng, n: np.round(rng.normal(5, 0.2, n), 1),
    "5 % crashes": lambda rng, n: np.where(rng.random(n) < 0.05, 0.0, rng.normal(8, 0.5, n)),
}
#: The numbers of the champion's and of the challenger's scores.
SIZES = ((3, 3), (4, 4), (6, 6), (8, 8), (16, 16), (4, 8), (8, 4), (3, 12), (12, 3), (5, 6), (2, 8))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000, help="trials of each cell")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--smallest", action="store_true", help="few trials and few cells")
    options = parser.parse_args()
    trials, sizes = (200, SIZES[1:2]) if options.smallest else (options.trials, SIZES)
    noise = dict(list(NOISE.items())[:3]) if options.smallest else NOISE
    rng = np.random.default_rng(options.seed)
    log("wrong promotions at 5 %      permutation  Welch  means   coverage of 90 %")
    cells = {}
    for (kind, draw), (a, b) in itertools.product(noise.items(), sizes):
        name = f"{kind} {a}:{b}"
        cell = cells[name] = in_one_step(draw, a, b, trials, rng)
        log(f"{name:28} {cell['permutation']:11.3f} {cell['welch']:6.3f} {cell['means']:6.3f} {cell['coverage']:10.3f}")
    step_trials = 60 if options.smallest else max(200, trials // 5)
    steps = {
        f"{alpha:.0%} {pairs} pairs": {
            f"+{gain}": in_steps(float(gain), pairs, alpha, step_trials, rng)
            for gain in ((0, 2) if options.smallest else (0, 1, 2, 3))
        }
        for alpha, pairs in (((ALPHA, 8),) if options.smallest else ((ALPHA, 16), (ALPHA, 8), (ALPHA_AUTO, 16)))
    }
    log("\nin steps        gain  promoted  pairs")
    for name, row in steps.items():
        for gain, cell in row.items():
            log(f"{name:15} {gain:>4} {cell['promoted']:9.3f} {cell['pairs']:6.1f}")
    worst, by_means = (max(cell[rule] for cell in cells.values()) for rule in ("permutation", "means"))
    tolerance = 4 * math.sqrt(ALPHA * (1 - ALPHA) / trials)
    return conclude(
        {"cells": cells, "steps": steps, "worst": worst, "ratio": by_means / max(worst, 1 / trials)},
        {
            "the permutation test keeps its risk": worst <= ALPHA + tolerance,
            "comparing means alone does not": by_means > 0.3,
            "the gate finds a gain of two points": all(row["+2"]["promoted"] > 0.5 for row in steps.values()),
        },
    )


def log(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def in_one_step(
    draw: Draw, champions: int, challengers: int, trials: int, rng: np.random.Generator
) -> dict[str, float]:
    """Return the share of promotions by each rule if both sides are alike, and the coverage of the interval."""
    promoted, welch, means, covered = 0, 0, 0, 0
    for _ in range(trials):
        champion, challenger = draw(rng, champions), draw(rng, challengers)
        decision = decide(champion.tolist(), challenger.tolist())
        promoted += decision.verdict == "promote"
        covered += decision.low <= 0 <= decision.high
        means += bool(challenger.mean() > champion.mean())
        if champion.std() or challenger.std():
            p = stats.ttest_ind(challenger, champion, equal_var=False, alternative="greater").pvalue
            welch += bool(p <= ALPHA)
    return {
        "permutation": promoted / trials,
        "welch": welch / trials,
        "means": means / trials,
        "coverage": covered / trials,
    }


def in_steps(gain: float, pairs: int, alpha: float, trials: int, rng: np.random.Generator) -> dict[str, float]:
    """Return how often the gate promotes a challenger with this gain, and after how many pairs it ends on average."""
    promoted, bought = 0, 0
    for _ in range(trials):
        champion, challenger = (np.round(rng.normal(mean, 1.2, pairs), 1).tolist() for mean in (6.0, 6.0 + gain))
        verdict, end = through_gate(champion, challenger, alpha)
        promoted += verdict == "promote"
        bought += end
    return {"promoted": promoted / trials, "pairs": bought / trials}


def through_gate(champion: list[float], challenger: list[float], alpha: float) -> tuple[str, int]:
    """Return the gate's verdict on pairs of scores, and after how many pairs it ends."""
    pairs = len(champion)
    for end in stages(pairs, alpha):
        decision = decide_in_steps({"g": champion[:end]}, {"g": challenger[:end]}, pairs=pairs, alpha=alpha)
        if decision is not None:
            return decision.verdict, end
    raise AssertionError("the gate decides at its last stage")


if __name__ == "__main__":
    sys.exit(main())
