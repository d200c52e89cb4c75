"""Prepares the budget in dollars of a run, and says why a study cannot keep one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from workbench import providers
from workbench.execution.runtimes import largest_cost, runtime_of
from workbench.fields import KeyPath
from workbench.judging.judge import JUDGES
from workbench.money import price
from workbench.money.price import Tokens
from workbench.money.purse import Confirmation, Purse
from workbench.nouns import Judge, Model, Plan, ScoreRequest, Study
from workbench.provider_table import KNOWN
from workbench.run import journal
from workbench.run.folder import RunFolder
from workbench.search.candidate import with_goal
from workbench.study.calibrating import calibration_estimate
from workbench.study.estimate import ROLES, Estimate, confirming, estimate, proposes

#: A home without runs. The smallest budget of a study does not depend on what earlier runs have measured.
NO_RUNS = Path("/nonexistent")


def purse_of(study: Study, run: RunFolder, home: Path) -> Purse | None:
    """Return the purse of a run, or None if its study has no budget in dollars.

    If the run continues an earlier attempt, the dollars of that attempt are spent already.
    """
    if study.dollars is None:
        return None
    return Purse(study.dollars, spent_in(run), _confirmation(study, estimate(study, home)))


def spent_in(run: RunFolder) -> float:
    """Return the most that the calls in the journal of a run's folder can have cost, in dollars."""
    costs = [call.cost for call in journal.read(run.path) if call.cost is not None]
    return math.fsum(cost.known + cost.at_most for cost in costs)


def refusals(study: Study, *, calibrates: bool = False) -> Iterator[tuple[KeyPath, str]]:
    """Yield the reasons why the study's budget in dollars cannot be kept, each with the key that it concerns.

    Args:
        calibrates: only the study's judge is calibrated.
    """
    if study.dollars is None:
        return
    runtime, name = runtime_of(study.pipeline.engine), study.pipeline.engine.name
    dollars: KeyPath = ("budget", "dollars")
    if runtime.tells_cost(study.pipeline) == "never":
        yield (
            dollars,
            (
                f"budget.dollars: with this pipeline, runtime: {name} never tells what an execution costs; expected "
                "a runtime that tells it; take dollars out of the budget, and limit the executions"
            ),
        )
        return
    unpriced = [*_unpriced_models(study), *_unpriced_steps(study)]
    yield from unpriced
    if not unpriced and (least := _smallest_budget(study, calibrates=calibrates)) > study.dollars:
        purposes = "to try the starting prompt, to confirm the result, and " if not calibrates else ""
        yield (
            dollars,
            (
                f"budget.dollars: {study.dollars:g} dollars are too few; expected at least {least:.2f}: {purposes}"
                "to reserve the largest possible execution and verdict"
            ),
        )


def _unpriced_models(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield a reason for each of the judge and the proposer without a known price."""
    roles = {"judge": study.judge, **({"proposer": study.proposer} if proposes(study) else {})}
    for role, model in roles.items():
        if not _has_price(model):
            yield (role, "model"), _no_price(f"{role}.model", f"{model.provider}/{model.name}")
        elif KNOWN[model.provider].protocol == "openai" and not _has_context_window(model):
            # No limit is sent to these services, so only the context window limits an answer.
            yield (role, "model"), _no_limit(f"{role}.model", f"{model.provider}/{model.name}")


def _unpriced_steps(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield a reason for each step of the pipeline whose model has no known price."""
    for calls in runtime_of(study.pipeline.engine).model_calls(study.pipeline):
        if calls.largest_cost(0) is None:
            yield ("pipeline",), _no_price(f"pipeline: step {calls.step}", f"{calls.provider}/{calls.model}")


def _has_price(model: Model) -> bool:
    return price.dollars(model.provider, model.name, Tokens(input=1), api_base=model.api_base) is not None


def _has_context_window(model: Model) -> bool:
    return price.context_tokens(model.provider, model.name, api_base=model.api_base) is not None


def _no_limit(key: str, model: str) -> str:
    return (
        f"{key}: nobody tells how long an answer of {model} can be ({price.price_data()}), so budget.dollars cannot be "
        "kept; expected a model with a known context window; name another one, or take dollars out of the budget"
    )


def _no_price(key: str, model: str) -> str:
    """Return the message about a model without a known price. `key` is the place of the model in the study."""
    return (
        f"{key}: {model} has no known price ({price.price_data()}), so budget.dollars cannot be kept; expected a model "
        "with a known price; name another one, or take dollars out of the budget"
    )


def _smallest_budget(study: Study, *, calibrates: bool) -> float:
    """Return the smallest budget in dollars with which the study can come to a result, estimated before any call.

    It pays for the calibration, if the first run makes one, and for the trials of the starting prompt and of the
    confirmation. It can also reserve the largest possible execution or verdict. Without a search, it need only reserve
    them: a calibration that ends early is continued later, and may find most of its answers among those of a run.
    """
    trials = calibration = 0.0
    if not calibrates:
        dollars_each = _dollars_each(estimate(study, NO_RUNS))
        executions = len(study.goals) + confirming(study)
        trials = executions * (dollars_each["generator"] + study.calls * dollars_each["judge"])
        if study.calibrate == "before_first_run":
            calibration = calibration_estimate(study, NO_RUNS).dollars or 0.0
    longest_prompt = max((with_goal(study.prompt, goal.text) for goal in study.goals), key=len)
    largest_execution = largest_cost(study.pipeline, longest_prompt) or 0.0
    return calibration + trials + max(largest_execution, _largest_verdict(study))


def _largest_verdict(study: Study) -> float:
    """Return the most that a verdict can cost in dollars, on a plan as long as the longest gold plan."""
    # Imported here, because every study is checked, but few have a budget in dollars.
    from workbench.models import asking

    model = study.judge
    provider = providers.real({})[model.provider].at(model.api_base)
    judge = Judge(model.name, provider, study.template, model.temperature, method=study.method)
    call_of = JUDGES[study.method].load_call()
    calls = (call_of(ScoreRequest(goal, judge), Plan(max(goal.gold, key=len))) for goal in study.goals)
    return max(asking.largest_cost(call) or 0.0 for call in calls)


def _confirmation(study: Study, estimated: Estimate) -> Confirmation:
    """Return the calls that the confirmation needs at most, with their estimated costs."""
    dollars_each = _dollars_each(estimated)
    calls = {"execute": confirming(study), "score": confirming(study) * study.calls}
    if study.program == "writer":
        calls["propose"] = confirming(study)
    return Confirmation(calls, {action: dollars_each[role] for action, role in ROLES.items()})


def _dollars_each(estimated: Estimate) -> dict[str, float]:
    """Return the estimated cost of one call in dollars, by role. A cost that is not known counts as 0."""
    return {role.role: role.dollars_each or 0.0 for role in estimated.roles}
