"""Defines the two kinds of work that `Asks` runs: the search, and the confirmation on fresh trials.

The search scores the starting prompt, and lets the optimizer look for a better prompt. The confirmation executes the
starting prompt and the best prompt again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import dspy

from workbench.errors import BudgetUsedUp, ProposalFailed
from workbench.money.purse import purse_of
from workbench.nouns import FIRST_CONFIRM_REPLICATE, FIRST_REQUALIFY_REPLICATE, Study, Trial
from workbench.run.record import Ending, SearchResult
from workbench.run.setting import Setting
from workbench.search.asks import Asker, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.leak import LeakGuard
from workbench.search.models import proposer_lm
from workbench.search.optimizers.bench import Bench, metrics
from workbench.search.programs import PROGRAMS, Executor, GoalText, Program, pipeline_lm
from workbench.search.quiet import quiet
from workbench.search.trials import ScoredCandidate, Trials


@dataclass(frozen=True)
class SearchOutcome:
    """The outcome of a search.

    Attributes:
        baseline: the starting prompt.
        best: the best prompt, which is the starting prompt if the search found no better one.
        spent: how many different executions the search asked for.
        ended: what ended the search, "optimizer" or "budget".
        used_up: the part of the budget that ended the search, "executions" or "dollars".
    """

    baseline: ScoredCandidate
    best: ScoredCandidate
    spent: int
    ended: Ending
    used_up: Literal["executions", "dollars"] = "executions"

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return baseline and best. They are the same candidate if the search found no better prompt."""
        return (self.baseline.candidate, self.best.candidate)

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of baseline and best."""
        return (self.baseline.candidate.name, self.best.candidate.name)


def optimization(setting: Setting) -> Callable[[Asker], SearchOutcome]:
    """Return the work that searches within the study's budget."""

    def work(asker: Asker) -> SearchOutcome:
        search = _Search(setting, asker)
        search.run()
        search.require_new_prompt()
        outcome = search.outcome()
        _write_outcome(setting, search.program, outcome)
        return outcome

    return work


class _Search:
    """A search: the study's program, its trials, and the programs that the optimizer has recommended so far."""

    def __init__(self, setting: Setting, asker: Asker) -> None:
        self._setting, self._asker, self._study = setting, asker, setting.study
        study = setting.study
        self._trials = Trials(setting, asker, phase="search", budget=study.budget, guard=_guard(study))
        self.program = program_of(setting, self._trials)
        self._recommended = [self.program]
        self._proposer = proposer_lm(
            study.proposer,
            asker,
            setting.proposer,
            setting.run.path,
            study.model_timeout,
            samples=True,
            refusals=self._trials,
        )

    def run(self) -> None:
        """Score the starting prompt, and run the optimizer until it needs nothing more or the budget is used up."""
        study, trials = self._study, self._trials
        score, feedback = metrics(trials, self.program.input_field)
        examples = [self.program.example(GoalText.of(goal)) for goal in study.goals]
        evaluate = dspy.Evaluate(
            devset=examples, metric=score, num_threads=study.concurrency, display_progress=False, max_errors=10**9
        )
        recommend = self._recommended.append
        bench = Bench(study, self.program, examples, self._proposer, trials, score, feedback, recommend)
        lm = predictor_lm(self._setting, trials, self._asker)
        with quiet(self._setting.run.path / "optimizer.log"), dspy.context(lm=lm):
            try:
                # The starting prompt is scored before the optimizer begins, so that every study has a baseline.
                evaluate(self.program)
                recommend(OPTIMIZERS[study.optimizer].load()(bench))
                evaluate(self._recommended[-1])
            except SearchStopped:
                # A search that reached its budget has ended well. Any other stop comes from the flow.
                if not self._budget_used_up:
                    raise

    @property
    def _budget_used_up(self) -> bool:
        return self._trials.over_budget or _dollars_used_up(self._setting)

    def require_new_prompt(self) -> None:
        """Check that the proposer proposed something, if it was asked.

        Raises:
            ProposalFailed: every one of its answers was the starting prompt.
        """
        requested = self._proposer.engine.samples_requested
        tried = {trial.candidate for trial in self._trials.trials}
        if requested and not self._budget_used_up and not self._trials.warning and len(tried) == 1:
            raise ProposalFailed(
                f"the proposer answered {requested} times without a new prompt; expected at least one prompt that "
                f"differs from the starting prompt; read its answers in {self._setting.run.path / 'optimizer.log'}, "
                "then try another proposer model or another optimizer",
                kind="no proposal",
            )

    def outcome(self) -> SearchOutcome:
        """Return the starting prompt and the best prompt with their scores.

        Raises:
            BudgetUsedUp: the dollars were used up before the starting prompt was tried on every goal.
        """
        trials, dollars_used_up = self._trials, _dollars_used_up(self._setting)
        baseline = trials.scored(self.program.candidate)
        if baseline is None and dollars_used_up:
            raise _too_little(self._study, "the starting prompt was tried on every goal")
        if baseline is None:
            raise RuntimeError("the starting prompt has no score on one of the goals; expected a trial on every goal")
        chooses = OPTIMIZERS[self._study.optimizer].chooses and len(self._recommended) > 1
        return SearchOutcome(
            baseline=baseline,
            best=_best(trials, baseline, self._recommended[-1].candidate, optimizer_chooses=chooses),
            spent=trials.spent,
            ended="budget" if self._budget_used_up else "optimizer",
            used_up="dollars" if dollars_used_up else "executions",
        )


def _guard(study: Study) -> LeakGuard:
    """Return the guard against copies of the study's gold plans.

    A prompt may repeat its starting prompt, the goals, and what the pipeline reads anyway.
    """
    pipeline = study.pipeline
    files = [*filter(None, [pipeline.file]), *(item.path for item in (*pipeline.inputs, *pipeline.files))]
    gold = dict.fromkeys(plan for goal in study.goals for plan in goal.gold)
    return LeakGuard(gold, [study.prompt, *(goal.text for goal in study.goals), *map(_text, files)])


def _text(file: Path) -> str:
    """Return the text of a file, or an empty text if it cannot be read. The guard then does not know its words."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _best(trials: Trials, baseline: ScoredCandidate, chosen: Candidate, *, optimizer_chooses: bool) -> ScoredCandidate:
    """Return the best candidate of a search.

    An optimizer that knows more than the mean scores chooses the best candidate. But a choice that scored less than the
    baseline is not worth a confirmation, so the baseline is the best candidate then. Without a choice, the best
    candidate is the one with the highest mean score. A choice that copies a gold plan does not count.
    """
    if trials.leak(chosen) is not None:
        return trials.best(preferred=baseline.candidate)
    scored = trials.scored(chosen) if optimizer_chooses else None
    if scored is None:
        return trials.best(preferred=chosen)
    return scored if scored.value >= baseline.value else baseline


def confirmation(
    setting: Setting, outcome: SearchOutcome, stages: Sequence[int], decided: Callable[[], bool]
) -> Callable[[Asker], list[Trial]]:
    """Return the work that tries baseline and best on every goal, on replicates that no search has seen.

    Args:
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
    first: int,
    stages: Sequence[int],
    decided: Callable[[], bool],
) -> list[Trial]:
    """Try candidates on every goal, in stages. The first replicate has the number `first`."""
    study = setting.study
    score, _ = metrics(trials, program.input_field)
    lm = predictor_lm(setting, trials, asker)

    def run_trial(candidate: Candidate, goal: str, replicate: int) -> None:
        example = program.example(goal)
        with dspy.context(lm=lm.copy(rollout_id=first + replicate)):
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
                if _dollars_used_up(setting):
                    raise _too_little(study, "the result was confirmed") from None
                raise
            if decided():
                return trials.trials
    raise RuntimeError(f"{len(trials.trials)} fresh trials do not decide; expected a decision after the last stage")


def requalification(setting: Setting) -> Callable[[Asker], list[Trial]]:
    """Return the work that tries the starting prompt, which is the champion, on fresh replicates of every goal."""

    def work(asker: Asker) -> list[Trial]:
        trials = Trials(setting, asker, phase="confirm")
        program = program_of(setting, trials)
        first, stages = FIRST_REQUALIFY_REPLICATE, [setting.study.confirm]
        measured = _on_fresh_replicates(
            setting, asker, trials, program, [program.candidate], first, stages, lambda: True
        )
        score = trials.mean_score(program.candidate)
        if score is None:
            raise RuntimeError("the champion has no score on one of the goals; expected a trial on every goal")
        scored = ScoredCandidate(program.candidate, score)
        _write_outcome(setting, program, SearchOutcome(scored, scored, spent=0, ended="optimizer"))
        return measured

    return work


def run_winner(setting: Setting, executor: Executor, asker: Asker, goal: str, replicate: int) -> None:
    """Load the run's winner from its file, and run it once on a goal, with this executor."""
    study = setting.study
    program = PROGRAMS[study.program](study.prompt, executor)
    program.load(str(setting.run.path / "program.json"))
    with dspy.context(lm=predictor_lm(setting, executor, asker).copy(rollout_id=replicate)):
        program(**program.example(goal).inputs())


def _dollars_used_up(setting: Setting) -> bool:
    """Return True if the run's budget in dollars has refused a call in this phase."""
    run_purse = purse_of(setting.run.path)
    return run_purse is not None and run_purse.used_up


def _too_little(study: Study, event: str) -> BudgetUsedUp:
    """Return the error for a budget in dollars that was used up before this event."""
    return BudgetUsedUp(
        f"the budget of ${study.dollars:.2f} was used up before {event}; expected a budget that is enough for that; "
        "run the same command again, which buys only what is missing, or raise budget.dollars (--dollars)",
        kind="budget used up",
        lasting=True,
    )


def _write_outcome(setting: Setting, program: Program, outcome: SearchOutcome) -> None:
    """Write the winner as a text and as a program that DSPy can load, and the outcome with its scores."""
    run, best = setting.run, outcome.best.candidate
    run.write("best_prompt.md", best.text)
    program.with_candidate(best).save(str(run.path / "program.json"))
    run.save(
        SearchResult(
            best=best.name,
            search_score=outcome.best.score,
            baseline_search_score=outcome.baseline.score,
            spent=outcome.spent,
            ended=outcome.ended,
            used_up=outcome.used_up,
        )
    )


def program_of(setting: Setting, trials: Trials) -> Program:
    """Return the study's program with the starting prompt."""
    return PROGRAMS[setting.study.program](setting.study.prompt, trials)


def predictor_lm(setting: Setting, executor: Executor, asker: Asker) -> dspy.LM:
    """Return the model of the program's predictor: the pipeline itself, or the model that writes prompts for it."""
    study = setting.study
    if study.program == "direct":
        return pipeline_lm(executor)
    return proposer_lm(study.proposer, asker, setting.proposer, setting.run.path, study.model_timeout, samples=False)
