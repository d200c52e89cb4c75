"""Runs the race, which learns what each sentence is worth, and composes the best prompt from those that help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dspy
import numpy as np
from dspy.utils.exceptions import AdapterParseError

from workbench import sentences
from workbench.search import conflicts, edits
from workbench.search.candidate import Candidate
from workbench.search.optimizers.bench import Bench
from workbench.search.optimizers.race_log import RaceLog
from workbench.search.optimizers.tidying import unmeasurable, without, worse_of
from workbench.search.programs import Program
from workbench.search.race import choose
from workbench.search.race.composing import FIRST_EXECUTIONS
from workbench.search.race.standing import PieceEffect, Standing

#: A race has at least `FEWEST_BATCHES` batches of executions, and a batch has at most `LARGEST_BATCH` executions. Its
#: size does not depend on the study's concurrency, so that a study finds the same prompt at any concurrency. Batches of
#: this size lose nothing (docs/race.md).
LARGEST_BATCH, FEWEST_BATCHES = 16, 8
#: How many of the latest trials the proposer reads.
TRIALS_SHOWN = 6


class ProposeEdits(dspy.Signature):  # type: ignore[misc]  # DSPy has no type information
    """Improve the prompt of a pipeline that writes plans. A judge compares each plan with a plan by an expert.

    Propose one or two edits of the prompt's numbered pieces. Each edit makes one change that can help on its own: it
    adds an instruction, replaces a piece, or removes a piece. Prefer instructions that the judge's reasons call for. Do
    not repeat what another piece says, and do not contradict it: replace that piece instead. If a new piece makes no
    sense without another one, name that one under needs. Do not propose what is to be avoided.
    """

    goals: str = dspy.InputField(desc="what the plans should achieve")
    pieces: str = dspy.InputField(desc="the prompt, one numbered piece after the other")
    judgements: str = dspy.InputField(desc="scores from 0 to 10 and the judge's reasons for the latest plans")
    experience: str = dspy.InputField(desc="the best prompt so far, and pieces to avoid")
    edits: str = dspy.OutputField(
        desc='JSON, a list such as [{"action": "add", "after": 2, "text": "...", "needs": [2], "reason": "..."}, '
        '{"action": "replace", "piece": 1, "text": "...", "reason": "..."}, '
        '{"action": "remove", "piece": 3, "reason": "..."}]'
    )


class FindConflicts(dspy.Signature):  # type: ignore[misc]  # DSPy has no type information
    """Read the prompt of a pipeline that writes plans. It was composed of pieces that were written independently.

    Name each pair of pieces that contradict each other, and each pair of which one repeats what the other says. Pieces
    about different things are no conflict, even if they resemble each other. Most prompts have no conflict.
    """

    pieces: str = dspy.InputField(desc="the prompt, one numbered piece after the other")
    conflicts: str = dspy.OutputField(
        desc='JSON, a list such as [{"pieces": [2, 5], "problem": "contradiction", "reason": "..."}], or [] for none'
    )


@dataclass(frozen=True)
class _Judgement:
    """The judge's score, from 0 to 1, and its reason for one plan, with the goal's text."""

    goal: str
    score: float
    reason: str


def search(bench: Bench) -> Program:
    """Return the program with the prompt that the race chooses.

    The race gets less than the study's budget. One execution for each goal is held back for the chosen prompt, which
    may be a new composition. The starting prompt was executed once on each goal before. The race asks for up to
    FIRST_EXECUTIONS of these executions again, at no cost, so only the others are subtracted.
    """
    budget = max(1, bench.study.budget - bench.goals - max(0, bench.goals - FIRST_EXECUTIONS))
    seed = bench.program.candidate.instructions.strip()
    callbacks = _Callbacks(bench, seed)
    log = RaceLog(
        seed,
        name=lambda prompt: callbacks.candidate(prompt).name,
        trials=lambda: len(bench.trials.trials),
        save=bench.trials.setting.run.save,
    )

    def watch(standing: Standing) -> None:
        bench.recommend(callbacks.program(standing.prompt))
        log(standing)

    best = choose(
        seed,
        callbacks.propose,
        callbacks.evaluate,
        budget,
        np.random.default_rng(bench.study.seed),
        batch=max(1, min(LARGEST_BATCH, budget // FEWEST_BATCHES)),
        split=sentences.split,
        join=sentences.join,
        needs=callbacks.needed,
        watch=watch,
    )
    chosen = callbacks.tidied(best, log.effects)
    log.conclude(chosen)
    return callbacks.program(chosen)


class _Callbacks:
    """The functions that the race calls. They execute the study's program, and ask the proposer's model."""

    def __init__(self, bench: Bench, seed: str) -> None:
        self._bench = bench
        self._seed = seed
        self._evaluations = 0
        #: How often each prompt was executed on each goal, by prompt and index of the goal.
        self._replicates: Counter[tuple[str, int]] = Counter()
        self._judgements: list[_Judgement] = []
        #: The pieces that a proposed piece needs, by the text of the proposed piece.
        self._needs: dict[str, list[str]] = {}

    def program(self, prompt: str) -> Program:
        """Return the study's program with this prompt."""
        program = self._bench.program
        if prompt == self._seed:
            return program
        return program.with_candidate(Candidate(prompt, program.candidate.demos))

    def candidate(self, prompt: str) -> Candidate:
        """Return the candidate of the program with this prompt."""
        program = self._bench.program
        return program.candidate if prompt == self._seed else program.candidate_of(prompt)

    def evaluate(self, prompts: list[str]) -> list[float | None]:
        """Execute each prompt on one goal, and return the scores from 0 to 1. The goals take turns."""
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
        """Execute a prompt on the goal with this index, and return the judgement of its plan."""
        example = self._bench.examples[goal]
        with dspy.context(lm=lm.copy(rollout_id=replicate) if replicate else lm):
            verdict = self._bench.feedback(example, self.program(prompt)(**example.inputs()))
        return _Judgement(str(example[self._bench.program.input_field]), verdict.score, verdict.feedback)

    def propose(self, parent: str, feedback: str) -> str:
        """Ask the proposer for edits of a prompt. Return the edited prompt, or the same prompt if there are no edits.

        Edits that copy a gold plan are refused.
        """
        pieces = sentences.split(parent)
        answer = edits.read(self._ask(ProposeEdits, "edits", **self._inputs(pieces, feedback)))
        if answer is None:
            return parent
        if isinstance(answer, str):
            prompt = answer
        else:
            prompt = sentences.join(edits.apply(answer, pieces)).strip()
            self._note_needs(edits.needed(answer, pieces))
        return parent if self._bench.trials.leak(self.candidate(prompt)) is not None else prompt

    def needed(self, piece: str) -> list[str]:
        """Return the pieces that a piece needs."""
        return self._needs.get(piece.strip(), [])

    def tidied(self, prompt: str, effects: Collection[PieceEffect]) -> str:
        """Return the chosen prompt without sentences that have no measurable effect or conflict with a better sentence.

        The proposer names the conflicts. The measured effects decide which sentence is left out.
        """
        if prompt == self._seed:
            return prompt
        prompt = without(prompt, unmeasurable(effects), self.needed)
        pieces = sentences.split(prompt)
        if len(pieces) < 2:
            return prompt
        answer = self._ask(FindConflicts, "conflicts", pieces=_numbered(pieces))
        return without(prompt, worse_of(conflicts.read(answer, len(pieces)), pieces, effects), self.needed)

    def _note_needs(self, needed: Mapping[str, list[str]]) -> None:
        """Note what each proposed text needs, for each piece into which `sentences.split` splits the text."""
        for text, pieces in needed.items():
            for piece in sentences.split(text.strip()):
                # A piece does not need itself. Of two pieces that need each other, only the first need is kept.
                others = [other for other in pieces if other != piece and piece not in self._needs.get(other, ())]
                self._needs.setdefault(piece.strip(), others)

    def _inputs(self, pieces: list[str], feedback: str) -> dict[str, str]:
        """Return the values of the input fields of `ProposeEdits`."""
        goals = dict.fromkeys(str(example[self._bench.program.input_field]) for example in self._bench.examples)
        latest = self._judgements[-TRIALS_SHOWN:]
        return {
            "goals": "\n\n".join(goals),
            "pieces": _numbered(pieces),
            "judgements": "\n\n".join(f"{10 * judgement.score:.1f} of 10. {judgement.reason}" for judgement in latest),
            "experience": "\n\n".join(filter(None, [feedback, self._bench.trials.warning])),
        }

    def _ask(self, signature: type[dspy.Signature], field: str, **inputs: str) -> str:
        """Return this field of the proposer's reply, or the whole reply if DSPy cannot find the field in it.

        The adapter does not ask again in another format, because each request is paid for.
        """
        adapter = dspy.ChatAdapter(use_json_adapter_fallback=False)
        try:
            with dspy.context(lm=self._bench.proposer, adapter=adapter):
                return str(getattr(dspy.Predict(signature)(**inputs), field) or "")
        except AdapterParseError as error:
            return str(error.lm_response or "")


def _numbered(pieces: list[str]) -> str:
    """Return the pieces with their numbers, counted from 1, one per line."""
    return "\n".join(f"{number}. {piece.strip()}" for number, piece in enumerate(pieces, start=1))
