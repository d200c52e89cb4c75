"""Assumes what a call of a model costs before any call is measured, from the sizes of prompts, plans and answers."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from workbench.execution.runtime import ModelCalls
from workbench.execution.runtimes import runtime_of
from workbench.judging.template import fill
from workbench.money import price
from workbench.money.price import Tokens
from workbench.nouns import Model, Plan, Study
from workbench.search.candidate import with_goal

#: The bytes of one token of English text or code.
BYTES_PER_TOKEN = 4
#: The assumed tokens of a model's thoughts in one answer. They are charged as output.
THOUGHT_TOKENS = 3_000
#: The assumed tokens of a verdict: a reason of some sentences, and a score.
VERDICT_TOKENS = 200
#: The assumed tokens of the answer to one criterion of a rubric.
CRITERION_TOKENS = 60
#: The assumed plans that a proposer reads for one proposal.
PLANS_PER_PROPOSAL = 3


@dataclass(frozen=True)
class AssumedCost:
    """The assumed cost of one call or execution.

    Attributes:
        dollars: the cost, or None if it is not known.
        unknown: why the cost is not known, else empty.
    """

    dollars: float | None
    unknown: str = ""


def execution_cost(study: Study) -> AssumedCost:
    """Return the assumed cost of an execution. Each step of the pipeline calls its model once."""
    runtime, name = runtime_of(study.pipeline.engine), study.pipeline.engine.name
    match runtime.tells_cost(study.pipeline):
        case "never":
            return AssumedCost(None, f"runtime: {name} never tells its cost")
        case "afterwards":
            return AssumedCost(None, f"runtime: {name} tells its cost only afterwards, and no earlier run has told it")
    longest_prompt = max(len(with_goal(study.prompt, goal.text).encode()) for goal in study.goals)
    dollars = 0.0
    for calls in runtime.model_calls(study.pipeline):
        amount = _step_dollars(calls, longest_prompt, _plan_bytes(study))
        if amount is None:
            return AssumedCost(None, f"{calls.provider}/{calls.model} has no known price")
        dollars += amount
    return AssumedCost(dollars)


def verdict_cost(study: Study) -> AssumedCost:
    """Return the assumed cost of a verdict on a plan that is as long as a gold plan.

    With a rubric, the verdict has an answer for each criterion.
    """
    prompts = (fill(study.template, goal, Plan("")) for goal in study.goals)
    prompt_bytes = round(fmean(len(prompt.encode()) for prompt in prompts)) + _plan_bytes(study)
    criteria = fmean(len(goal.criteria) for goal in study.goals)
    return call_cost(study.judge, prompt_bytes, VERDICT_TOKENS + round(CRITERION_TOKENS * criteria))


def proposal_cost(study: Study) -> AssumedCost:
    """Return the assumed cost of a proposal. The proposer reads some plans with their verdicts, and writes a prompt."""
    prompt_bytes = len(study.prompt.encode())
    plans_bytes = PLANS_PER_PROPOSAL * (_plan_bytes(study) + VERDICT_TOKENS * BYTES_PER_TOKEN)
    return call_cost(study.proposer, prompt_bytes + plans_bytes, prompt_bytes // BYTES_PER_TOKEN + VERDICT_TOKENS)


def call_cost(model: Model, input_bytes: int, output_tokens: int) -> AssumedCost:
    """Return the assumed cost of a call that reads so many bytes, and writes so many tokens after its thoughts."""
    tokens = Tokens(input=input_bytes // BYTES_PER_TOKEN, output=output_tokens, thought=THOUGHT_TOKENS)
    dollars = price.dollars(model.provider, model.name, tokens, api_base=model.api_base)
    return AssumedCost(dollars, "" if dollars is not None else f"{model.provider}/{model.name} has no known price")


def _step_dollars(calls: ModelCalls, prompt_bytes: int, plan_bytes: int) -> float | None:
    """Return the assumed cost of a step in dollars, or None if its model has no known price."""
    # A step that can read earlier answers is assumed to read one, which is as long as a plan.
    earlier_bytes = plan_bytes if calls.earlier_tokens else 0
    input_tokens = (calls.input_bytes + calls.prompts * prompt_bytes + earlier_bytes) // BYTES_PER_TOKEN
    output_tokens = min(plan_bytes // BYTES_PER_TOKEN + THOUGHT_TOKENS, calls.output_tokens)
    return price.dollars(calls.provider, calls.model, Tokens(input=input_tokens, output=output_tokens))


def _plan_bytes(study: Study) -> int:
    """Return the usual size of a plan in bytes, which is the mean size of the gold plans."""
    return round(fmean(len(text.encode()) for goal in study.goals for text in goal.gold))
