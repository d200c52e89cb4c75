"""Runs SIMBA, which learns rules and demonstrations from the best and the worst plans."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the best rules and demonstrations that SIMBA found."""
    samples = max(2, min(6, bench.rounds // 3))
    optimizer = dspy.SIMBA(
        metric=bench.feedback,
        bsize=bench.goals,
        num_candidates=samples,
        # A step samples every goal and then tries a candidate for every goal.
        max_steps=max(1, min(8, bench.rounds // (samples + bench.goals))),
        prompt_model=bench.proposer,
        num_threads=bench.study.concurrency,
    )
    return optimizer.compile(bench.program, trainset=bench.examples, seed=bench.study.seed)
