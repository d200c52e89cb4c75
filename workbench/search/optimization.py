"""The search's own work, in its thread: score the starting prompt, let the optimizer look for a better one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import dspy

from workbench.errors import ProposalFailed
from workbench.nouns import FRESH, Trial
from workbench.run.setting import Setting
from workbench.search.asks import Desk, SearchStopped
from workbench.search.candidate import Candidate
from workbench.search.catalogue import OPTIMIZERS
from workbench.search.models import proposer_lm
from workbench.search.optimizers.bench import Bench, metrics
from workbench.search.programs import PROGRAMS, Program, Stage, pipeline_lm
from workbench.search.quiet import quiet
from workbench.search.trials import Standing, Trials


@dataclass(frozen=True)
class Found:
    """What a search came to. `ended` says by what: "optimizer", or "budget"."""

    baseline: Standing
    best: Standing
    spent: int
    ended: str

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What is to be confirmed: twice the same where the search found nothing better."""
        return (self.baseline.candidate, self.best.candidate)

    @property
    def names(self) -> tuple[str, str]:
        return (self.baseline.candidate.name, self.best.candidate.name)


def optimization(setting: Setting) -> Callable[[Desk], Found]:
    """The work of `Asks`: search within the study's budget."""

    def work(desk: Desk) -> Found:
        study = setting.study
        trials = Trials(setting, desk, phase="search", budget=study.budget)
        program = _program(setting, trials)
        score, feedback = metrics(trials, program.given)
        examples = [program.example(goal.text) for goal in study.goals]
        proposer = proposer_lm(study.proposer, desk, setting.proposer, setting.run.path, samples=True)
        bench = Bench(study, program, examples, proposer, trials, score, feedback)
        evaluate = dspy.Evaluate(
            devset=examples, metric=score, num_threads=study.concurrency, display_progress=False, max_errors=10**9
        )
        chosen = program
        with quiet(setting.run.path / "optimizer.log"), dspy.context(lm=_performer(setting, trials, desk)):
            evaluate(program)
            try:
                chosen = OPTIMIZERS[study.optimizer].load()(bench)
                evaluate(chosen)
            except SearchStopped:
                if not trials.over_budget:
                    raise
        asked = proposer.engine.asked
        if asked and not trials.over_budget and len({trial.candidate for trial in trials.trials}) == 1:
            raise ProposalFailed(
                f"the proposer answered {asked} times and no new prompt came of it: what it said is in "
                f"{setting.run.path / 'optimizer.log'}; try another proposer model, or another optimizer",
                kind="no proposal",
            )
        baseline = trials.standing(program.candidate)
        if baseline is None:
            raise RuntimeError("the starting prompt was not scored on every goal")
        found = Found(
            baseline=Standing(program.candidate, baseline),
            best=trials.leader(preferred=chosen.candidate),
            spent=trials.spent,
            ended="budget" if trials.over_budget else "optimizer",
        )
        _keep(setting, program, found)
        return found

    return work


def confirmation(setting: Setting, found: Found) -> Callable[[Desk], list[Trial]]:
    """The work of `Asks`: baseline and best on every goal, on replicates that no search has seen."""

    def work(desk: Desk) -> list[Trial]:
        study = setting.study
        trials = Trials(setting, desk, phase="confirm")
        program = _program(setting, trials)
        score, _ = metrics(trials, program.given)
        lm = _performer(setting, trials, desk)

        def once(candidate: Candidate, goal: str, replicate: int) -> None:
            example = program.example(goal)
            with dspy.context(lm=lm.copy(rollout_id=FRESH + replicate)):
                score(example, program.holding(candidate)(**example.inputs()))

        with quiet(setting.run.path / "optimizer.log"), ThreadPoolExecutor(study.concurrency) as pool:
            wanted = [
                pool.submit(once, candidate, goal.text, replicate)
                for replicate in range(study.confirm)
                for candidate in dict.fromkeys(found.candidates)
                for goal in study.goals
            ]
            for one in wanted:
                one.result()
        return trials.trials

    return work


def perform(setting: Setting, stage: Stage, desk: Desk, goal: str, replicate: int) -> None:
    """Have the run's winner, as it was saved, perform once on this stage."""
    study = setting.study
    program = PROGRAMS[study.program](study.prompt, stage)
    program.load(str(setting.run.path / "program.json"))
    with dspy.context(lm=_performer(setting, stage, desk).copy(rollout_id=replicate)):
        program(**program.example(goal).inputs())


def _keep(setting: Setting, program: Program, found: Found) -> None:
    """The winner as a text, and as a program that DSPy loads again."""
    run, best = setting.run, found.best.candidate
    run.write("best_prompt.md", best.text)
    program.holding(best).save(str(run.path / "program.json"))
    run.write_json(
        "found.json",
        {
            "best": best.name,
            "search_score": found.best.score,
            "baseline_search_score": found.baseline.score,
            "spent": found.spent,
            "ended": found.ended,
        },
    )


def _program(setting: Setting, trials: Trials) -> Program:
    return PROGRAMS[setting.study.program](setting.study.prompt, trials)


def _performer(setting: Setting, stage: Stage, desk: Desk) -> dspy.LM:
    """The language model of the program's predictor: the pipeline itself, or the one that writes for it."""
    study = setting.study
    if study.program == "direct":
        return pipeline_lm(stage)
    return proposer_lm(study.proposer, desk, setting.proposer, setting.run.path, samples=False)
