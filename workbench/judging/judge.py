"""Defines the seam between Workbench and the models that score plans, and lists the judges.

A judge is one function in a file of its own and one entry in `JUDGES`. The entry declares which providers' models the
judge can ask, and where its code is. The code is imported when the first plan is scored, so a study can be checked
without the library of any provider. No other module knows a judge by name. docs/extending.md shows how to add a judge.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, replace
from typing import Protocol, cast

from workbench.judging.template import fill
from workbench.money.meter import Meter
from workbench.nouns import Judge, Plan, ScoreRequest, Verdict
from workbench.providers import ProviderName
from workbench.run import journal


class Ask(Protocol):
    """A judge's function: it asks one model for one verdict."""

    def __call__(self, judge: Judge, prompt: str, seed: int, meter: Meter, /) -> Verdict:
        """Return the model's verdict.

        Args:
            judge: the model, its provider, and its settings.
            prompt: the whole filled template.
            seed: the number of the sample, for providers that take a seed.
            meter: takes what each call of the model used. A call is made within `meter.call`, so that a budget in
                dollars is never overshot.

        Raises:
            BudgetUsedUp: the run's budget in dollars does not allow the call.
            MissingKey: the provider's key is not in the environment.
            ModelNotFound: the provider does not know the model.
            NotJudged: there is no verdict. The message names the model and never contains the key.
        """
        ...


@dataclass(frozen=True)
class JudgeEntry:
    """The declaration of a judge.

    Attributes:
        providers: the providers whose models the judge can ask.
        function: the judge's `Ask`, as `module:function`.
    """

    providers: frozenset[ProviderName]
    function: str

    def load(self) -> Ask:
        """Import the judge's function."""
        return cast("Ask", pkgutil.resolve_name(self.function))


JUDGES: dict[str, JudgeEntry] = {
    "model": JudgeEntry(frozenset({"gemini", "anthropic", "openai", "claude-program"}), "workbench.judging.holistic:ask"),
}


def judging_providers() -> list[ProviderName]:
    """Return the providers whose models can judge."""
    return list(dict.fromkeys(provider for judge in JUDGES.values() for provider in sorted(judge.providers)))


def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return the verdict on a plan.

    A text that is no plan scores 0 without a call, with a reason that an optimizer can learn from.

    Raises:
        MissingKey: the judge's key is not in the environment.
        ModelNotFound: the judge's provider does not know the model.
        NotJudged: there is no verdict, and the plan is not to blame. This is never the same as a zero.
    """
    if plan.problem is not None:
        return Verdict(
            0.0, f"No plan could be read: {plan.problem}. The answer must be one YAML document, and nothing else."
        )
    key = request.key(plan)
    with journal.attempt(request.run, "score", key) as meter:
        prompt = fill(request.judge.template, request.goal, plan)
        verdict = _ask_of(request.judge.provider.name)(request.judge, prompt, request.seed, meter)
    if verdict.other_model is not None:
        journal.note_other_model(request.run, "score", key, request.judge.model, verdict.other_model)
    return replace(verdict, cost=meter.cost)


def _ask_of(provider: ProviderName) -> Ask:
    """Return the function of the last judge that serves this provider. So a new entry can replace an earlier judge."""
    for judge in reversed(JUDGES.values()):
        if provider in judge.providers:
            return judge.load()
    raise ValueError(f"no judge asks models of {provider}; the study's loader refuses such a model")
