"""Defines the input of every optimizer: study, starting program, proposer, and the judge's verdicts as metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import dspy

from workbench.nouns import Verdict
from workbench.search.programs import Program
from workbench.search.trials import Trials

Score = Callable[..., float]
Feedback = Callable[..., dspy.Prediction]


class ProposerSettings(Protocol):
    """The part of a proposer's settings that optimizers read. The study's `Model` has it."""

    @property
    def temperature(self) -> float | None: ...


class SearchSettings(Protocol):
    """The part of a study that optimizers read."""

    @property
    def budget(self) -> int: ...

    @property
    def concurrency(self) -> int: ...

    @property
    def passing(self) -> float: ...

    @property
    def proposer(self) -> ProposerSettings: ...

    @property
    def seed(self) -> int: ...


class Verdicts(Protocol):
    """Gives the judge's verdict on the plan of a prediction. `Trials` does."""

    def verdict(self, goal: str, prediction: dspy.Prediction) -> Verdict: ...


@dataclass(frozen=True)
class Bench:
    """The input of an optimizer.

    Attributes:
        study: the study, with its budget, concurrency, passing score, proposer's temperature and seed.
        program: the program that holds the starting prompt.
        examples: one example for each goal.
        proposer: the model that proposes prompts.
        trials: the executions so far, with their scores.
        score: the metric, from 0 to 1.
        feedback: the same metric, with the judge's reason.
        recommend: takes the program that an optimizer would choose now. An optimizer with `chooses` calls it during the
            search. If the search must stop early, the last recommendation counts.
    """

    study: SearchSettings
    program: Program
    examples: list[dspy.Example]
    proposer: dspy.LM
    trials: Trials
    score: Score
    feedback: Feedback
    recommend: Callable[[Program], None]

    @property
    def goals(self) -> int:
        """Return the number of goals."""
        return len(self.examples)

    @property
    def rounds(self) -> int:
        """Return how often every goal can be executed within the budget."""
        return self.study.budget // self.goals

    @property
    def temperature(self) -> float:
        """Return the proposer's temperature, or 1.0 if the study names none.

        Optimizers need a number. It is only sent to the model if the study names a temperature.
        """
        temperature = self.study.proposer.temperature
        return 1.0 if temperature is None else temperature

    @property
    def threshold(self) -> float:
        """Return the lowest value of the metric with which a plan passes."""
        return self.study.passing / 10


def metrics(trials: Verdicts, input_field: str) -> tuple[Score, Feedback]:
    """Return the judge's verdict as DSPy's two kinds of metric.

    Args:
        input_field: the program's input field, which holds the goal.
    """

    def score(example: dspy.Example, prediction: dspy.Prediction | None, trace: Any = None) -> float:
        # A program that raised an error has no prediction. `Asks` reports that error.
        return 0.0 if prediction is None else trials.verdict(example[input_field], prediction).score / 10

    def feedback(
        example: dspy.Example,
        prediction: dspy.Prediction | None,
        trace: Any = None,
        pred_name: str | None = None,
        pred_trace: Any = None,
    ) -> dspy.Prediction:
        if prediction is None:
            return dspy.Prediction(score=0.0, feedback="no plan")
        verdict = trials.verdict(example[input_field], prediction)
        return dspy.Prediction(score=verdict.score / 10, feedback=verdict.reason)

    return score, feedback
