"""Defines the work that calibrates a judge: it scores damaged gold plans, and plans of the starting prompt.

The judge scores each text several times, which shows the judge's noise. The plans of the starting prompt are the plans
that a search executes first, so none of them is bought twice.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial

import dspy

from workbench.calibration import measures
from workbench.calibration.design import REPEATS, Prices, Text, executions, texts
from workbench.evidence.gate import FEWEST_PAIRS
from workbench.evidence.promotion import alpha_of
from workbench.money.purse import raise_if_used_up
from workbench.nouns import Goal, Plan, ScoreRequest, Study
from workbench.run.calibration import CalibrationRecord, GroupRecord
from workbench.run.folder import RUNS
from workbench.run.setting import Setting
from workbench.search.asker import Asker, SearchStopped
from workbench.search.predictor import predictor_lm, program_of
from workbench.search.programs import GoalText
from workbench.search.trials import Trials


def calibration(setting: Setting, prices: Prices, *, probes: bool) -> Callable[[Asker], CalibrationRecord]:
    """Return the work that calibrates the judge of a study. `Asks` runs this work in a thread of its own.

    Raises:
        BudgetUsedUp: the work raises it if the budget in dollars does not allow the calibration.
    """

    def work(asker: Asker) -> CalibrationRecord:
        try:
            return conclude(setting, _groups(setting, asker, probes=probes), prices)
        except SearchStopped:
            # The first run may calibrate the judge, too. It has a budget of its own.
            shared_by = None if setting.run.path.parent.name == RUNS else "all calibrations of this judge"
            raise_if_used_up(setting.run.path, "the judge was calibrated", shared_by=shared_by)
            raise

    return work


def _groups(setting: Setting, asker: Asker, *, probes: bool) -> list[GroupRecord]:
    """Ask for plans and verdicts at the same time, and return the scores of each text.

    The first verdict comes before the first plan, and the first plan before the others: if a key is rejected, nothing
    was bought in vain.
    """
    concurrency, goals = setting.study.concurrency, [goal.in_search for goal in setting.study.goals]
    all_texts = list(texts(goals, probes=probes))
    asker.verdict(_requests(setting, all_texts[0])[0], all_texts[0].plan)
    with ThreadPoolExecutor(concurrency) as executing, ThreadPoolExecutor(concurrency) as judging:
        groups = [judging.submit(_group, setting, asker, text) for text in all_texts]
        first_plan, *other_plans = _plans(setting, asker)
        plans = [executing.submit(first_plan)]
        wait(plans)
        plans += [executing.submit(plan) for plan in other_plans]
        groups += [judging.submit(_group, setting, asker, plan.result()) for plan in plans]
        return [group.result() for group in groups]


def conclude(setting: Setting, groups: Sequence[GroupRecord], prices: Prices) -> CalibrationRecord:
    """Return the calibration that is computed from these scores."""
    study = setting.study
    plans = [group for group in groups if group.kind == "plan"]
    judge = measures.judge_variance(groups)
    generator = measures.generator_variance(plans, judge)
    label = setting.judge.provider.label
    return CalibrationRecord(
        study=study.name,
        judge=f"{study.judge.provider}/{study.judge.name}",
        method=study.method,
        rehearsal=label.partition(":")[2] if setting.judge.provider.rehearsal else None,
        groups=tuple(groups),
        gold=measures.mean_score(groups, "gold"),
        worst=measures.worst_score(groups),
        tau=measures.kendall(groups),
        judge_noise=math.sqrt(judge),
        generator_noise=None if generator is None else math.sqrt(generator),
        probes=measures.probe_shifts(groups, judge),
        calls=_calls(prices, generator, judge),
        pairs=_pairs(study, generator, judge),
        judge_cost=prices.judge,
        generator_cost=prices.generator,
        unit=prices.unit,
        at=time.time(),
    )


def _calls(prices: Prices, generator: float | None, judge: float) -> int | None:
    """Return how many verdicts on each plan are worth their cost, or None if a price or a variance is not known."""
    if generator is None or prices.generator is None or prices.judge is None:
        return None
    return measures.calls_per_plan(prices.generator, prices.judge, generator, judge)


def _pairs(study: Study, generator: float | None, judge: float) -> int | None:
    """Return how many pairs of executions a confirmation needs, or None if the generator's variance is not known."""
    if generator is None:
        return None
    variance = generator + judge / study.calls
    return measures.pairs_needed(variance, len(study.goals), alpha_of(study.promote), FEWEST_PAIRS)


def _group(setting: Setting, asker: Asker, text: Text) -> GroupRecord:
    """Ask for the verdicts on a text, and return its scores."""
    scores = tuple(asker.verdict(request, text.plan).score for request in _requests(setting, text))
    return GroupRecord(goal=text.goal.name, kind=text.kind, degree=text.degree, scores=scores)


def _requests(setting: Setting, text: Text) -> list[ScoreRequest]:
    """Return the requests for the verdicts on a text."""
    name = text.kind if text.degree == 0 else f"{text.kind} {text.degree:.0%}"
    # The judge's model is not called for an invalid plan. It scores 0 each time, so one verdict is enough.
    repeats = range(text.repeats if text.plan.ok else 1)
    return [ScoreRequest(text.goal, setting.judge, 0, repeat, name, setting.run.path) for repeat in repeats]


def _plans(setting: Setting, asker: Asker) -> Iterator[Callable[[], Text]]:
    """Yield functions that execute the starting prompt, with the replicates that a search begins with."""
    trials = Trials(setting, asker, phase="search")
    program = program_of(setting, trials)
    lm = predictor_lm(setting, trials, asker)

    def plan(goal: Goal, replicate: int) -> Text:
        inputs = program.example(GoalText.of(goal)).inputs()
        with dspy.context(lm=lm.copy(rollout_id=replicate) if replicate else lm):
            written = trials.plan(program(**inputs))
        return Text(goal.in_search, "plan", 0.0, written or Plan("", "the writer wrote no prompt"), REPEATS)

    for goal, replicate in executions(setting.study.goals, setting.study.budget):
        yield partial(plan, goal, replicate)
