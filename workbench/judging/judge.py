"""The seam between Workbench and whoever scores plans: a function for each provider, in a dict literal."""

from __future__ import annotations

from collections.abc import Callable

from workbench.judging import gemini
from workbench.judging.template import fill
from workbench.nouns import Judge, Plan, ScoreRequest, Verdict
from workbench.providers import ProviderName
from workbench.run import journal

#: Called with the judge, the filled template and a sampling seed.
JUDGES: dict[ProviderName, Callable[[Judge, str, int], Verdict]] = {"gemini": gemini.ask}


def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """The verdict on a plan. One that is no plan has 0 without a call, and a reason that an optimizer can learn from.

    Raises:
        MissingKey: the judge's key is not in the environment.
        NotJudged: there is no verdict, and it is not the plan's fault. Never the same as a zero.
    """
    if plan.problem is not None:
        return Verdict(
            0.0, f"No plan could be read: {plan.problem}. The answer must be one YAML document, and nothing else."
        )
    with journal.attempt(request.run, "score", request.key(plan)):
        prompt = fill(request.judge.template, request.goal, plan)
        return JUDGES[request.judge.provider.name](request.judge, prompt, request.replicate)
