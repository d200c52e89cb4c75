"""Runs DSPy's optimizers as rules of `selection.py`: the product's own calls of them, in a simulated world.

The optimizers get the same proposals as the other rules, in the form that each optimizer asks for. A crash scores 0, as
DSPy scores a program that fails. The result is the tried prompt with the highest mean score.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import dspy
import numpy as np
from dspy import lm15

from bench.selection_worlds import Play
from workbench.nouns import Plan, Verdict
from workbench.search.asker import SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.models import reply
from workbench.search.optimizers.bench import Bench, metrics
from workbench.search.programs import Direct, pipeline_lm

_OUTPUTS = re.compile(r"Your output fields are:\n(.*?)\nAll interactions", re.DOTALL)
_INSTRUCTION = re.compile(r"(?:basic_instruction|current_instruction) ## \]\]\n(.*?)\n\n", re.DOTALL)
_ATTEMPT = re.compile(r"Instruction #\d+: (.*?)(?=\n?\[?\d*\]?\W*Prefix #)", re.DOTALL)


@dataclass(frozen=True)
class _ProposerSettings:
    """A proposer without a temperature of its own."""

    temperature: float | None = None


@dataclass(frozen=True)
class _Study:
    """The part of a study that optimizers read."""

    budget: int
    seed: int
    concurrency: int = 1
    passing: float = 8.0
    proposer: _ProposerSettings = _ProposerSettings()


class _Trials:
    """The executions and verdicts of a play. The same prompt with the same replicate is executed once."""

    #: No prompt is refused in a play.
    warning = ""

    def __init__(self, play: Play, budget: int) -> None:
        self._play = play
        self._budget = budget
        self._plans: dict[tuple[str, int], Plan] = {}
        self.scores: dict[str, list[float]] = {}

    def __deepcopy__(self, memo: Any) -> _Trials:
        return self

    @property
    def spent(self) -> int:
        return len(self._plans)

    def execute(self, candidate: Candidate, prompt: str, goal: str, replicate: int) -> Plan:
        key = (candidate.text, replicate)
        if key not in self._plans:
            if self.spent >= self._budget:
                raise SearchStopped
            score = self._play.evaluate([candidate.instructions])[0] or 0.0
            self.scores.setdefault(candidate.instructions, []).append(score)
            self._plans[key] = Plan(f"score: {score}")
        return self._plans[key]

    def verdict(self, goal: str, prediction: dspy.Prediction) -> Verdict:
        return Verdict(10 * float(prediction.plan.removeprefix("score: ")), "The plan has gaps.")


class _Proposer:
    """The world's proposer as a language model. It fills each output field according to its name."""

    def __init__(self, play: Play) -> None:
        self._play = play

    def __deepcopy__(self, memo: Any) -> _Proposer:
        return self

    def complete(self, request: lm15.Request) -> lm15.Response:
        system = request.system or ""
        text = "\n".join(message.text or "" for message in request.messages)
        outputs = _OUTPUTS.search(str(system))
        names = re.findall(r"^\d+\. `(\w+)`", outputs[1] if outputs else "", re.MULTILINE)
        values = {name: self._value(name, text) for name in names}
        if "Respond with a JSON object" in text:  # GEPA asks in this format
            return reply(request.model, json.dumps(values))
        sections = [f"[[ ## {name} ## ]]\n{value}" for name, value in values.items()]
        return reply(request.model, "\n\n".join([*sections, "[[ ## completed ## ]]"]))

    def _value(self, name: str, text: str) -> str:
        if name == "module_advice":  # SIMBA appends the advice to the instructions
            parent = self._play.seed_prompt
            added = [word for word in self._child(parent).split() if word not in parent.split()]
            return json.dumps({"predict": " ".join(added)})
        if "instruction" in name:
            # COPRO lists its attempts, and the best one is the last.
            attempts = _ATTEMPT.findall(text) or _INSTRUCTION.findall(text)
            return self._child(attempts[-1].strip(" '\",«»\n") if attempts else self._play.seed_prompt)
        return "A plan is written."

    def _child(self, parent: str) -> str:
        return self._play.propose(parent, "")


class _Failures(logging.Handler):
    """Keeps DSPy's lines about failures. Most optimizers go on after a failure, and score it as a bad program."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextlib.contextmanager
def _failures_raised() -> Iterator[None]:
    """Raise a RuntimeError when the block ends, if DSPy has logged a failure. DSPy's own log is not printed."""
    logger, failures = logging.getLogger("dspy"), _Failures()
    handlers, logger.handlers = logger.handlers, [failures]
    try:
        yield
    finally:
        logger.handlers = handlers
    if failures.messages:
        raise RuntimeError(f"the optimizer went on after a failure: {failures.messages[0]}")


def dspy_rule(name: str, play: Play, budget: int, rng: np.random.Generator) -> tuple[str, float]:
    """Run the optimizer of this name as the product runs it.

    Raises:
        RuntimeError: the optimizer failed, and went on. Then its result is worth nothing.
    """
    logging.disable(logging.WARNING)
    trials = _Trials(play, budget)
    program = Direct(play.seed_prompt, trials)
    example = program.example("the goal")
    score, feedback = metrics(trials, program.input_field)
    lm = dspy.LM("gemini/scripted", engine=_Proposer(play), cache=False, num_retries=0)
    study = _Study(budget, int(rng.integers(2**31 - 1)))
    bench = Bench(
        study,
        program,
        [example],
        lm,
        trials,  # type: ignore[arg-type]  # the race reads more of the trials, but it is not played here
        score,
        feedback,
        lambda best: None,
    )
    with (
        _failures_raised(),
        contextlib.suppress(SearchStopped),  # the budget is spent
        contextlib.redirect_stdout(io.StringIO()),
        dspy.context(lm=pipeline_lm(trials)),
    ):
        program(**example.inputs())
        OPTIMIZERS[name].load()(bench)
    best = max(trials.scores, key=lambda prompt: fmean(trials.scores[prompt]))
    return best, fmean(trials.scores[best])
