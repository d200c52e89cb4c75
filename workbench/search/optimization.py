"""Runs the search: scores the starting prompt, and lets the optimizer look for a better prompt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dspy

from workbench.errors import ProposalFailed
from workbench.foreign_text import one_line
from workbench.money.purse import used_up_before
from workbench.nouns import Study
from workbench.run.setting import Setting
from workbench.search.asker import Asker, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.leak import LeakGuard
from workbench.search.models import proposer_lm
from workbench.search.optimizers.bench import Bench, metrics
from workbench.search.outcome import SearchOutcome, dollars_used_up, write_outcome
from workbench.search.predictor import predictor_lm, program_of
from workbench.search.programs import GoalText
from workbench.search.quiet import quiet
from workbench.search.trials import ScoredCandidate, Trials

#: The most characters of the proposer's last answer in a message.
ANSWER_CHARACTERS = 200


def optimization(setting: Setting) -> Callable[[Asker], SearchOutcome]:
    """Return the work that searches for a better prompt within the study's budget. `Asks` runs the work."""

    def work(asker: Asker) -> SearchOutcome:
        search = _Search(setting, asker)
        search.run()
        search.require_new_prompt()
        outcome = search.outcome()
        write_outcome(setting, search.program, outcome)
        return outcome

    return work


class _Search:
    """One search: the study's program, its trials, and the programs that the optimizer has recommended so far.

    The first of these programs is the starting program.
    """

    def __init__(self, setting: Setting, asker: Asker) -> None:
        self._setting, self._asker, self._study = setting, asker, setting.study
        study = setting.study
        self._trials = Trials(setting, asker, phase="search", budget=study.budget, guard=_guard(study))
        self.program = program_of(setting, self._trials)
        self._recommended = [self.program]
        self._proposer = proposer_lm(setting, asker, samples=True, refusals=self._trials)

    def run(self) -> None:
        """Score the starting prompt, and run the optimizer until it ends or the budget is used up."""
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
                # The starting prompt is scored before the optimizer begins, so that every study has a baseline. Its
                # first goal goes alone: if the judge's key is rejected, a single execution was bought.
                evaluate(self.program, devset=examples[:1])
                evaluate(self.program)
                recommend(OPTIMIZERS[study.optimizer].load()(bench))
                evaluate(self._recommended[-1])
            except SearchStopped:
                # A search that reached its budget has ended well. Any other stop comes from the flow.
                if not self._budget_used_up:
                    raise

    @property
    def _budget_used_up(self) -> bool:
        """Return True if the executions or the dollars of the budget are used up."""
        return self._trials.over_budget or dollars_used_up(self._setting)

    def require_new_prompt(self) -> None:
        """Check that the proposer proposed something, if the optimizer asked it.

        A search whose budget was used up passes the check, and so does a search whose proposer copied a gold plan.

        Raises:
            ProposalFailed: all answers of the proposer were the starting prompt.
        """
        requested = self._proposer.engine.samples_requested
        tried = {trial.candidate for trial in self._trials.trials}
        if requested and not self._budget_used_up and not self._trials.warning and len(tried) == 1:
            last = one_line(self._proposer.engine.last_answer, ANSWER_CHARACTERS)
            raise ProposalFailed(
                f"the proposer answered {requested} times without a new prompt; expected at least one prompt that "
                f"differs from the starting prompt; its last answer was: {last!r}; try another proposer model or "
                "another optimizer",
                kind="no proposal",
            )

    def outcome(self) -> SearchOutcome:
        """Return the starting prompt and the best prompt with their scores.

        Raises:
            BudgetUsedUp: the dollars were used up before the starting prompt was tried on every goal.
        """
        trials, out_of_dollars = self._trials, dollars_used_up(self._setting)
        baseline = trials.scored(self.program.candidate)
        if baseline is None and out_of_dollars:
            raise used_up_before("the starting prompt was tried on every goal", self._study.dollars or 0.0)
        if baseline is None:
            raise RuntimeError("the starting prompt has no score on one of the goals; expected a trial on every goal")
        chooses = OPTIMIZERS[self._study.optimizer].chooses and len(self._recommended) > 1
        return SearchOutcome(
            baseline=baseline,
            best=_best(trials, baseline, self._recommended[-1].candidate, optimizer_chooses=chooses),
            spent=trials.spent,
            ended="budget" if self._budget_used_up else "optimizer",
            used_up="dollars" if out_of_dollars else "executions",
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
    """Return the text of a file, or an empty text if it cannot be read.

    A prompt that repeats such a file may then count as a copy of a gold plan.
    """
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _best(trials: Trials, baseline: ScoredCandidate, chosen: Candidate, *, optimizer_chooses: bool) -> ScoredCandidate:
    """Return the best candidate of a search.

    Some optimizers know more than the mean scores, and choose the best candidate themselves. Their choice counts even
    if it scored less than the baseline. It may be a new composition with a single execution on each goal, which may be
    unlucky, and the confirmation decides. For all other optimizers, the best candidate is the one with the highest mean
    score. A choice that copies a gold plan does not count.

    Args:
        chosen: the candidate that the optimizer recommended last. It wins a tie.
        optimizer_chooses: True if the optimizer chooses the best candidate itself.
    """
    if trials.leak(chosen) is not None:
        return trials.best(preferred=baseline.candidate)
    scored = trials.scored(chosen) if optimizer_chooses else None
    return trials.best(preferred=chosen) if scored is None else scored
