"""Runs the race, which learns what each sentence is worth, and composes the best prompt of those that help."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import dspy
import numpy as np
from dspy.utils.exceptions import AdapterParseError

from workbench.search import edits, sentences
from workbench.search.candidate import Candidate
from workbench.search.optimizers.bench import Bench
from workbench.search.programs import Program
from workbench.search.race import choose
from workbench.search.race.composing import FIRST_EXECUTIONS

#: How many executions are made at once. It follows from the budget and not from the study's concurrency, so that a
#: study finds the same prompt at any concurrency. Batches of 16 lose little (docs/race.md).
LARGEST_BATCH, EXECUTIONS_PER_BATCH = 16, 8
#: How many of the latest trials the proposer reads.
TRIALS_SHOWN = 6


class ProposeEdits(dspy.Signature):  # type: ignore[misc]  # DSPy has no type information
    """Improve the prompt of a pipeline that writes plans. A judge compares each plan with a plan by an expert.

    Propose one or two edits of the prompt's numbered pieces. Each edit makes one change that can help on its own: it
    adds an instruction, replaces a piece, or removes a piece. Prefer instructions that the judge's reasons call for. Do
    not repeat what another piece says, and do not contradict it: replace that piece instead. Do not propose what is to
    be avoided.
    """

    goals: str = dspy.InputField(desc="what the plans should achieve")
    pieces: str = dspy.InputField(desc="the prompt, one numbered piece after the other")
    judgements: str = dspy.InputField(desc="scores from 0 to 10 and the judge's reasons for the latest plans")
    experience: str = dspy.InputField(desc="the best prompt so far, and pieces to avoid")
    edits: str = dspy.OutputField(
        desc='JSON, a list such as [{"action": "add", "after": 2, "text": "...", "reason": "..."}, '
        '{"action": "replace", "piece": 1, "text": "...", "reason": "..."}, '
        '{"action": "remove", "piece": 3, "reason": "..."}]'
    )


@dataclass(frozen=True)
class _Judgement:
    """The judge's score, from 0 to 1, and reason for one plan, with the goal's text."""

    goal: str
    score: float
    reason: str


def search(bench: Bench) -> Program:
    """Return the program with the prompt that the race chooses.

    One execution for each goal is held back for the chosen prompt, which may be a new composition. The starting prompt
    is already executed once on each goal, and the race uses up to three of these executions.
    """
    budget = max(1, bench.study.budget - bench.goals - max(0, bench.goals - FIRST_EXECUTIONS))
    seed = bench.program.candidate.instructions.strip()
    callbacks = _Callbacks(bench, seed)
    best = choose(
        seed,
        callbacks.propose,
        callbacks.evaluate,
        budget,
        np.random.default_rng(bench.study.seed),
        batch=max(1, min(LARGEST_BATCH, budget // EXECUTIONS_PER_BATCH)),
        split=sentences.split,
        join=sentences.join,
    )
    return callbacks.program(best)


class _Callbacks:
    """The two functions that the race calls. They reach the flow by the program and by the proposer's model."""

    def __init__(self, bench: Bench, seed: str) -> None:
        self._bench = bench
        self._seed = seed
        self._evaluations = 0
        self._replicates: Counter[tuple[str, int]] = Counter()
        self._judgements: list[_Judgement] = []
        self._predict = dspy.Predict(ProposeEdits)

    def program(self, prompt: str) -> Program:
        """Return the study's program with this prompt."""
        program = self._bench.program
        if prompt == self._seed:
            return program
        return program.with_candidate(Candidate(prompt, program.candidate.demos))

    def evaluate(self, prompts: list[str]) -> list[float | None]:
        """Execute each prompt on one goal. The goals take turns."""
        runs = []
        for prompt in prompts:
            goal = self._evaluations % self._bench.goals
            runs.append((prompt, goal, self._replicates[prompt, goal]))
            self._replicates[prompt, goal] += 1
            self._evaluations += 1
        lm = dspy.settings.lm
        with ThreadPoolExecutor(self._bench.study.concurrency) as pool:
            judgements = list(pool.map(lambda run: self._run(lm, *run), runs))
        self._judgements += judgements
        return [judgement.score for judgement in judgements]

    def _run(self, lm: dspy.LM, prompt: str, goal: int, replicate: int) -> _Judgement:
        example = self._bench.examples[goal]
        with dspy.context(lm=lm.copy(rollout_id=replicate) if replicate else lm):
            verdict = self._bench.feedback(example, self.program(prompt)(**example.inputs()))
        return _Judgement(str(example[self._bench.program.input_field]), verdict.score, verdict.feedback)

    def propose(self, parent: str, feedback: str) -> str:
        """Ask the proposer for edits of a prompt. Return the edited prompt, or the same prompt if there are no edits.

        Edits that copy a gold plan are refused.
        """
        pieces = sentences.split(parent)
        answer = edits.read(self._ask(pieces, feedback))
        if answer is None:
            return parent
        prompt = answer if isinstance(answer, str) else sentences.join(edits.apply(answer, pieces)).strip()
        return parent if self._bench.trials.leak(self.program(prompt).candidate) is not None else prompt

    def _ask(self, pieces: list[str], feedback: str) -> str:
        """Return the proposer's reply. DSPy does not ask again in another format, because each request is paid for."""
        input_field = self._bench.program.input_field
        latest = self._judgements[-TRIALS_SHOWN:]
        inputs: dict[str, Any] = {
            "goals": "\n\n".join(dict.fromkeys(str(example[input_field]) for example in self._bench.examples)),
            "pieces": "\n".join(f"{number}. {piece.strip()}" for number, piece in enumerate(pieces, start=1)),
            "judgements": "\n\n".join(f"{10 * each.score:.1f} of 10. {each.reason}" for each in latest),
            "experience": "\n\n".join(filter(None, [feedback, self._bench.trials.warning])),
        }
        adapter = dspy.ChatAdapter(use_json_adapter_fallback=False)
        try:
            with dspy.context(lm=self._bench.proposer, adapter=adapter):
                return str(self._predict(**inputs).edits or "")
        except AdapterParseError as error:
            return str(error.lm_response or "")
