"""Runs COPRO, which rewrites the instructions in breadth and in depth."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the best of COPRO's instructions."""
    depth = 3 if bench.rounds >= 9 else 2
    optimizer = dspy.COPRO(
        prompt_model=bench.proposer,
        metric=bench.score,
        breadth=max(2, min(10, bench.rounds // depth)),
        depth=depth,
        init_temperature=bench.temperature,
    )
    return optimizer.compile(
        bench.program,
        trainset=bench.examples,
        eval_kwargs={"num_threads": bench.study.concurrency, "display_progress": False},
    )
