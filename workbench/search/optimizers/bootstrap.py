"""Runs BootstrapFewShot, which shows plans that passed as demonstrations."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with demonstrations of plans that passed."""
    optimizer = dspy.BootstrapFewShot(
        metric=bench.score,
        metric_threshold=bench.threshold,
        max_bootstrapped_demos=min(4, bench.goals),
        max_labeled_demos=0,
        # One round runs the demonstrated program. The other rounds look for a plan that passes.
        max_rounds=max(1, min(8, bench.rounds - 1)),
    )
    return optimizer.compile(bench.program, trainset=bench.examples)
