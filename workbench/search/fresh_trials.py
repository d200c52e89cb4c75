"""Defines the work that executes prompts again on fresh replicates: the confirmation and the requalification.

No search has seen these replicates. The search itself is in `workbench.search.optimization`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import dspy

from workbench.money.purse import purse_of, raise_if_used_up
from workbench.nouns import FIRST_CONFIRM_REPLICATE, FIRST_REQUALIFY_REPLICATE, Trial
from workbench.run.setting import Setting
from workbench.search.asker import Asker, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.optimizers.bench import metrics
from workbench.search.outcome import SearchOutcome, write_outcome
from workbench.search.predictor import predictor_lm, program_of
from workbench.search.programs import PROGRAMS, Executor, GoalText, Program
from workbench.search.quiet import quiet
from workbench.search.trials import ScoredCandidate, Trials


def confirmation(
    setting: Setting, outcome: SearchOutcome, stages: Sequence[int], decided: Callable[[], bool]
) -> Callable[[Asker], list[Trial]]:
    """Return the work that tries the baseline and the best prompt on every goal, on replicates that no search has seen.

    Args:
        outcome: the outcome of the search, with the baseline and the best prompt.
        stages: how many replicates there are at the end of each stage.
        decided: called at the end of each stage. If it returns True, the later stages are not executed.
    """

    def work(asker: Asker) -> list[Trial]:
        run_purse = purse_of(setting.run.path)
        if run_purse is not None:
            run_purse.confirm()
        trials = Trials(setting, asker, phase="confirm")
        program = program_of(setting, trials)
        candidates = list(dict.fromkeys(outcome.candidates))
        return _on_fresh_replicates(
            setting, asker, trials, program, candidates, FIRST_CONFIRM_REPLICATE, stages, decided
        )

    return work


def _on_fresh_replicates(
    setting: Setting,
    asker: Asker,
    trials: Trials,
    program: Program,
    candidates: Sequence[Candidate],
    first_replicate: int,
    stages: Sequence[int],
    decided: Callable[[], bool],
) -> list[Trial]:
    """Try candidates on every goal in stages, until `decided` returns True, and return all trials.

    The replicates are numbered from `first_replicate`. The other arguments are those of `confirmation`.
    """
    study = setting.study
    score, _ = metrics(trials, program.input_field)
    lm = predictor_lm(setting, trials, asker)

    def run_trial(candidate: Candidate, goal: str, replicate: int) -> None:
        example = program.example(goal)
        with dspy.context(lm=lm.copy(rollout_id=first_replicate + replicate)):
            score(example, program.with_candidate(candidate)(**example.inputs()))

    with quiet(setting.run.path / "optimizer.log"), ThreadPoolExecutor(study.concurrency) as pool:
        for start, end in pairwise([0, *stages]):
            pending = [
                pool.submit(run_trial, candidate, GoalText.of(goal), replicate)
                for replicate in range(start, end)
                for candidate in candidates
                for goal in study.goals
            ]
            try:
                for trial in pending:
                    trial.result()
            except SearchStopped:
                raise_if_used_up(setting.run.path, "the result was confirmed")
                raise
            if decided():
                return trials.trials
    raise RuntimeError(f"{len(trials.trials)} fresh trials do not decide; expected a decision after the last stage")


def requalification(setting: Setting) -> Callable[[Asker], list[Trial]]:
    """Return the work that tries the starting prompt, which is the champion, on fresh replicates of every goal."""

    def work(asker: Asker) -> list[Trial]:
        trials = Trials(setting, asker, phase="confirm")
        program = program_of(setting, trials)
        number, candidates = setting.study.confirm, [program.candidate]
        # The first replicate of each goal goes first: if the judge's key is rejected, nothing more was bought.
        stages = [1, number]
        fresh_trials = _on_fresh_replicates(
            setting,
            asker,
            trials,
            program,
            candidates,
            FIRST_REQUALIFY_REPLICATE,
            stages,
            lambda: len(trials.trials) == number * len(setting.study.goals),
        )
        score = trials.mean_score(program.candidate)
        if score is None:
            raise RuntimeError("the champion has no score on one of the goals; expected a trial on every goal")
        scored = ScoredCandidate(program.candidate, score)
        write_outcome(setting, program, SearchOutcome(scored, scored, spent=0, ended="optimizer"))
        return fresh_trials

    return work


def run_winner(setting: Setting, executor: Executor, asker: Asker, goal: str, replicate: int) -> None:
    """Load the best prompt of a run from its file, and execute it once on a goal, with this executor."""
    study = setting.study
    program = PROGRAMS[study.program](study.prompt, executor)
    program.load(str(setting.run.path / "program.json"))
    with dspy.context(lm=predictor_lm(setting, executor, asker).copy(rollout_id=replicate)):
        program(**program.example(goal).inputs())
