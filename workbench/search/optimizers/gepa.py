"""Runs GEPA, which reflects on the judge's reasons and evolves the instructions."""

from __future__ import annotations

from typing import Any

import dspy

from workbench.search.optimizers.bench import Bench, Feedback
from workbench.search.programs import Program


def search(bench: Bench) -> Program:
    """Return the program with the best of GEPA's instructions."""
    budget = bench.study.budget
    optimizer = dspy.GEPA(
        metric=_warned(bench),
        # GEPA counts calls of the metric, but most of them repeat a stored execution. Therefore the number of different
        # executions stops GEPA. The limit of calls ends a search that proposes the same prompt for ever.
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


def _warned(bench: Bench) -> Feedback:
    """Return the metric, with a feedback that also warns of copying if an earlier prompt was refused.

    GEPA drops a prompt that is worse than its parent, together with the prompt's own feedback. So the warning is added
    to the feedback of every prompt, the parent's included.
    """

    def feedback(*arguments: Any, **options: Any) -> dspy.Prediction:
        verdict = bench.feedback(*arguments, **options)
        text = " ".join(filter(None, [verdict.feedback, bench.trials.warning]))
        return dspy.Prediction(score=verdict.score, feedback=text)

    return feedback
