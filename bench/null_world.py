"""Measures how often a search in a world without better prompts ends with a promotion.

    python bench/null_world.py [--seeds 400] [--budget 60] [--smallest]

Each seed is a whole run: the race searches with the budget, and the gate buys pairs of fresh executions of the starting
prompt and of the race's choice. No instruction of this world has an effect, so each promotion is wrong. The benchmark
writes a table to standard error and one line of JSON to standard output. Both have the share of wrong promotions by the
gate with its standard error, the mean number of pairs, and the share of promotions if the search's own scores decided.
`ratio` is this share divided by the gate's. The exit code is 1 if the gate promotes more than its risk and two standard
errors.
"""

from __future__ import annotations

import argparse
import math
import sys
from statistics import fmean

import numpy as np

from bench.outcome import conclude
from bench.promotion import through_gate
from bench.selection_worlds import Play, World
from workbench.evidence.promotion import ALPHA, ALPHA_AUTO
from workbench.search.race import choose
from workbench.search.race.pieces import default_split

#: The generator's noise, and the risk with the largest number of pairs, of each row of the table.
SIGMAS = (0.03, 0.10, 0.25)
GATES = ((ALPHA, 8), (ALPHA, 16), (ALPHA_AUTO, 16))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=400, help="runs of each row")
    parser.add_argument("--budget", type=int, default=60, help="executions of each search")
    parser.add_argument("--smallest", action="store_true", help="few and short runs of one row")
    options = parser.parse_args()
    seeds, budget = (20, 16) if options.smallest else (options.seeds, options.budget)
    rows = {}
    print("sigma  risk  pairs   promoted  standard error  pairs bought  by the search's scores", file=sys.stderr)
    for sigma in SIGMAS[1:2] if options.smallest else SIGMAS:
        searches = [search(sigma, seed, budget) for seed in range(seeds)]
        for alpha, pairs in GATES[:1] if options.smallest else GATES:
            row = rows[f"{sigma} {alpha:.0%} {pairs}"] = measure_gate(searches, alpha, pairs)
            print(
                f"{sigma:5.2f} {alpha:5.0%} {pairs:6}   {row['promoted']:8.4f}  {row['error']:14.4f}  "
                f"{row['pairs']:12.1f}  {row['by_search']:22.3f}",
                file=sys.stderr,
                flush=True,
            )
    worst = max(rows.values(), key=lambda row: row["promoted"] - row["alpha"])
    return conclude(
        {
            "rows": rows,
            "seeds": seeds,
            "budget": budget,
            "ratio": worst["by_search"] / max(worst["promoted"], 1 / seeds),
        },
        {
            "the gate keeps its risk": all(
                row["promoted"] <= row["alpha"] + 2 * math.sqrt(row["alpha"] * (1 - row["alpha"]) / seeds)
                for row in rows.values()
            ),
            "the search's own scores promote more": worst["by_search"] > worst["promoted"],
        },
    )


def search(sigma: float, seed: int, budget: int) -> tuple[Play, str, bool]:
    """Return a play, the prompt that the race chose in it, and True if that prompt scored higher in the search."""
    play = Play(World(sigma=sigma, nothing=True), (2, seed))
    scores: dict[str, list[float]] = {}

    def evaluate(prompts: list[str]) -> list[float | None]:
        answers = play.evaluate(prompts)
        for prompt, score in zip(prompts, answers, strict=True):
            if score is not None:
                scores.setdefault(prompt, []).append(score)
        return answers

    split, join = default_split(play.seed_prompt)
    rng = np.random.default_rng((3, seed))
    best = choose(play.seed_prompt, play.propose, evaluate, budget, rng, batch=1, split=split, join=join)
    means = {prompt: fmean(values) for prompt, values in scores.items()}
    higher = max(means.values(), default=0.0) > means.get(play.seed_prompt, 0.0)
    return play, best, higher


def measure_gate(searches: list[tuple[Play, str, bool]], alpha: float, pairs: int) -> dict[str, float]:
    """Return the share of promotions, its standard error, and the mean number of pairs."""
    promoted, bought = 0, 0
    for play, best, _ in searches:
        if best == play.seed_prompt:
            # There is nothing to promote, and nothing to buy pairs for.
            continue
        champion, challenger = (fresh_scores(play, prompt, pairs) for prompt in (play.seed_prompt, best))
        verdict, end = through_gate(champion, challenger, alpha)
        promoted += verdict == "promote"
        bought += end
    share = promoted / len(searches)
    return {
        "alpha": alpha,
        "promoted": share,
        "error": math.sqrt(share * (1 - share) / len(searches)),
        "pairs": bought / len(searches),
        "by_search": fmean(higher for _, _, higher in searches),
    }


def fresh_scores(play: Play, prompt: str, number: int) -> list[float]:
    """Return scores of this many fresh executions, from 0 to 10. A crashed execution is repeated, as a run does."""
    scores: list[float] = []
    while len(scores) < number:
        scores += [10 * score for score in play.evaluate([prompt]) if score is not None]
    return scores


if __name__ == "__main__":
    sys.exit(main())
