"""Runs BootstrapFewShotWithRandomSearch, which tries sets of demonstrations."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the best set of demonstrations."""
    optimizer = dspy.BootstrapFewShotWithRandomSearch(
        metric=bench.score,
        metric_threshold=bench.threshold,
        max_bootstrapped_demos=min(4, bench.goals),
        max_labeled_demos=0,
        max_rounds=max(1, min(4, bench.rounds // 2)),
        num_candidate_programs=max(1, min(16, bench.rounds - 2)),
        num_threads=bench.study.concurrency,
    )
    return optimizer.compile(bench.program, trainset=bench.examples, valset=bench.examples)
