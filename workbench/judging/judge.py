"""Defines the seam between Workbench and the models that score plans, and lists the judges.

A judge is one function in a file of its own and one entry in `JUDGES`. The study names the entry: `judge: {method: …}`.
The entry declares which providers' models the judge can ask, which template its prompt has, and where its code is. The
code is imported when the first plan is scored, so a study can be checked without the library of any provider. No other
module knows a judge by name. docs/extending.md shows how to add a judge.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, replace
from typing import Protocol, cast

from workbench.judging.template import PLACES
from workbench.models.reply import ModelCall
from workbench.money.meter import Meter
from workbench.nouns import HOLISTIC, Plan, ScoreRequest, Verdict
from workbench.provider_table import KNOWN, ProviderName
from workbench.run import journal

#: The providers that `workbench.models` can call.
ALL_PROVIDERS: frozenset[ProviderName] = frozenset(KNOWN)


class Ask(Protocol):
    """A judge's function: it asks one model for one verdict."""

    def __call__(self, request: ScoreRequest, plan: Plan, meter: Meter, /) -> Verdict:
        """Return the model's verdict.

        Args:
            request: the goal with its gold plans, and the judge: model, provider, template and settings. `request.seed`
                is the sampling seed for providers that take one.
            plan: a plan without a problem.
            meter: adds up what each call of the model used. Make each call within `meter.call`, so that a budget in
                dollars is never overshot.

        Raises:
            BudgetUsedUp: the run's budget in dollars does not allow the call.
            MissingKey: the provider's key is not in the environment.
            ModelNotFound: the provider does not know the model.
            NotJudged: there is no verdict. The message names the model and never contains the key.
        """
        ...


class CallOf(Protocol):
    """A judge's function that returns the call for one verdict, without making it. An estimate prices this call."""

    def __call__(self, request: ScoreRequest, plan: Plan, /) -> ModelCall: ...


@dataclass(frozen=True)
class JudgeEntry:
    """The declaration of a judge.

    Attributes:
        providers: the providers whose models the judge can ask.
        function: the judge's `Ask`, as `module:function`.
        call: the judge's `CallOf`, in the same form.
        places: the places that a template of the study must have.
        template: the file in this folder that is the template of studies that name none.
        rubric: True if the judge needs the criteria of the goal.
    """

    providers: frozenset[ProviderName]
    function: str
    call: str = "workbench.judging.holistic:call_of"
    places: tuple[str, ...] = PLACES
    template: str = "holistic.md"
    rubric: bool = False

    def load(self) -> Ask:
        """Import the judge's function."""
        return cast("Ask", pkgutil.resolve_name(self.function))

    def load_call(self) -> CallOf:
        """Import the function that returns the call for one verdict."""
        return cast("CallOf", pkgutil.resolve_name(self.call))


JUDGES: dict[str, JudgeEntry] = {
    HOLISTIC: JudgeEntry(ALL_PROVIDERS, "workbench.judging.holistic:ask"),
    "rubric": JudgeEntry(
        ALL_PROVIDERS,
        "workbench.judging.rubric:ask",
        call="workbench.judging.rubric:call_of",
        places=("goal", "criteria", "plan"),
        template="rubric.md",
        rubric=True,
    ),
}


def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return the verdict on a plan.

    A plan with a problem scores 0, and no model is called: the text is no plan, or the plan is certainly broken. The
    verdict's reason names the problem, so that an optimizer can learn from it.

    Raises:
        BudgetUsedUp: the run's budget in dollars does not allow the call.
        MissingKey: the judge's key is not in the environment.
        ModelNotFound: the judge's provider does not know the model.
        NotJudged: there is no verdict, and the plan is not to blame. This is never the same as a zero.
    """
    if plan.problem is not None:
        return Verdict(
            0.0,
            f"The plan is invalid: {plan.problem}. The answer must be one YAML document with complete steps, and "
            "nothing else.",
        )
    key = request.key(plan)
    with journal.attempt(request.run, "score", key) as meter:
        verdict = JUDGES[request.judge.method].load()(request, plan, meter)
    if verdict.other_model is not None:
        journal.note_other_model(request.run, "score", key, request.judge.model, verdict.other_model)
    return replace(verdict, cost=meter.cost)
