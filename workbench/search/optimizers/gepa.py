"""Runs GEPA, which reflects on the judge's reasons and evolves the instructions."""

from __future__ import annotations

import dspy

from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    budget = bench.study.budget
    optimizer = dspy.GEPA(
        metric=bench.feedback,
        # GEPA counts calls of the metric, most of which repeat a stored execution. Therefore the number of different
        # executions stops it. The limit of calls ends a search that proposes the same prompt for ever.
        max_metric_calls=4 * budget,
        gepa_kwargs={"stop_callbacks": lambda state: bench.trials.spent + bench.goals > budget},
        reflection_minibatch_size=min(3, bench.goals),
        reflection_lm=bench.proposer,
        # The program has one predictor, so there is nothing to merge.
        use_merge=False,
        num_threads=bench.study.concurrency,
        seed=bench.study.seed,
    )
    return optimizer.compile(bench.program, trainset=bench.examples, valset=bench.examples)
