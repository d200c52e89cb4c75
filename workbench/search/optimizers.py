"""DSPy's optimizers, unmodified, behind one seam: a function from a `Bench` to the program that it chose.

How a budget becomes an optimizer's own settings is decided here. Goals are training and validation set at once: there
are few of them, often one. No labelled demonstrations: the only label is the gold plan, and it must not be in a prompt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dspy

from workbench.nouns import Study
from workbench.search.programs import Program
from workbench.search.trials import Trials

Score = Callable[..., float]
Feedback = Callable[..., dspy.Prediction]


@dataclass(frozen=True)
class Bench:
    """What an optimizer is given: `score` is the metric, 0 to 1; `feedback` has the judge's reason with it."""

    study: Study
    program: Program
    examples: list[dspy.Example]
    proposer: dspy.LM
    trials: Trials
    score: Score
    feedback: Feedback

    @property
    def goals(self) -> int:
        return len(self.examples)

    @property
    def rounds(self) -> int:
        """How often every goal can be executed within the budget."""
        return self.study.budget // self.goals

    @property
    def threshold(self) -> float:
        return self.study.passing / 10


def static(bench: Bench) -> Program:
    return bench.program


def bootstrap(bench: Bench) -> Program:
    optimizer = dspy.BootstrapFewShot(
        metric=bench.score,
        metric_threshold=bench.threshold,
        max_bootstrapped_demos=min(4, bench.goals),
        max_labeled_demos=0,
        # One round for the demonstrated program, the others look for a plan that passes.
        max_rounds=max(1, min(8, bench.rounds - 1)),
    )
    return optimizer.compile(bench.program, trainset=bench.examples)


def random_search(bench: Bench) -> Program:
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


def copro(bench: Bench) -> Program:
    depth = 3 if bench.rounds >= 9 else 2
    optimizer = dspy.COPRO(
        prompt_model=bench.proposer,
        metric=bench.score,
        breadth=max(2, min(10, bench.rounds // depth)),
        depth=depth,
        init_temperature=bench.study.proposer.temperature,
    )
    return optimizer.compile(
        bench.program,
        trainset=bench.examples,
        eval_kwargs={"num_threads": bench.study.concurrency, "display_progress": False},
    )


def mipro(bench: Bench) -> Program:
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
        init_temperature=bench.study.proposer.temperature,
        # MIPROv2 takes a seed of 0 for no seed.
        seed=bench.study.seed + 1,
    )
    return optimizer.compile(
        bench.program,
        trainset=bench.examples,
        valset=bench.examples,
        num_trials=max(2, bench.rounds - 1),
        minibatch=False,
    )


def simba(bench: Bench) -> Program:
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


def gepa(bench: Bench) -> Program:
    budget = bench.study.budget
    optimizer = dspy.GEPA(
        metric=bench.feedback,
        # GEPA counts calls of the metric, most of which repeat a kept execution: it is stopped by what it spent. The
        # calls bound a search that proposes the same prompt for ever.
        max_metric_calls=4 * budget,
        gepa_kwargs={"stop_callbacks": lambda state: bench.trials.spent + bench.goals > budget},
        reflection_minibatch_size=min(3, bench.goals),
        reflection_lm=bench.proposer,
        # One predictor: there is nothing to merge.
        use_merge=False,
        num_threads=bench.study.concurrency,
        seed=bench.study.seed,
    )
    return optimizer.compile(bench.program, trainset=bench.examples, valset=bench.examples)


#: The words are those of `workbench.search.catalogue`, which says what each is and what it needs.
OPTIMIZERS: dict[str, Callable[[Bench], Program]] = {
    "static": static,
    "bootstrap": bootstrap,
    "random_search": random_search,
    "copro": copro,
    "mipro": mipro,
    "simba": simba,
    "gepa": gepa,
}


def metrics(trials: Trials, given: str) -> tuple[Score, Feedback]:
    """The judge's verdict as DSPy's two kinds of metric. `given` is the program's input field: the goal."""

    def score(example: dspy.Example, prediction: dspy.Prediction | None, trace: Any = None) -> float:
        # A program that raised has no prediction; what was to blame is recorded elsewhere.
        return 0.0 if prediction is None else trials.verdict(example[given], prediction).score / 10

    def feedback(
        example: dspy.Example,
        prediction: dspy.Prediction | None,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction:
        if prediction is None:
            return dspy.Prediction(score=0.0, feedback="no plan")
        verdict = trials.verdict(example[given], prediction)
        return dspy.Prediction(score=verdict.score / 10, feedback=verdict.reason)

    return score, feedback
