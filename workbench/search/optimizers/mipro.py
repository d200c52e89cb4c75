"""Runs MIPROv2, which proposes instructions and demonstrations, and searches them by Bayesian optimisation."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the best instructions and demonstrations that MIPROv2 found."""
    optimizer = dspy.MIPROv2(
        metric=bench.score,
        prompt_model=bench.proposer,
        task_model=dspy.settings.lm,
        auto=None,
        num_candidates=max(2, min(10, bench.rounds - 1)),
        max_bootstrapped_demos=min(2, bench.goals),
        max_labeled_demos=0,
        metric_threshold=bench.threshold,
        num_threads=bench.study.concurrency,
        init_temperature=bench.temperature,
        # MIPROv2 treats the seed 0 as no seed.
        seed=bench.study.seed + 1,
    )
    return optimizer.compile(
        bench.program,
        trainset=bench.examples,
        valset=bench.examples,
        num_trials=max(2, bench.rounds - 1),
        minibatch=False,
    )
