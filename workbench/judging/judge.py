"""The seam between Workbench and the models that score plans.

A judge is one function in a file of its own and one entry in `JUDGES`. The entry declares which providers' models the
judge can ask, and where its code is: the code is imported when the first plan is scored, so that a study can be checked
without any provider's library. No other module knows a judge by name. docs/extending.md shows how to add one.
"""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass
from typing import Protocol, cast

from workbench.judging.template import fill
from workbench.nouns import Judge, Plan, ScoreRequest, Verdict
from workbench.providers import ProviderName
from workbench.run import journal


class Ask(Protocol):
    """A judge's function: it asks one model for one verdict."""

    def __call__(self, judge: Judge, prompt: str, seed: int, /) -> Verdict:
        """Return the model's verdict.

        Args:
            judge: the model, its provider, and the temperature.
            prompt: the filled template, whole.
            seed: the sample that is wanted, for providers that take a seed.

        Raises:
            MissingKey: the provider's key is not in the environment.
            NotJudged: there is no verdict. The message names the model and never holds the key.
        """
        ...


@dataclass(frozen=True)
class JudgeEntry:
    """What a judge declares.

    Attributes:
        providers: the providers whose models it can ask.
        function: its `Ask`, as `module:function`.
    """

    providers: frozenset[ProviderName]
    function: str

    def load(self) -> Ask:
        """Import the judge's function."""
        return cast("Ask", pkgutil.resolve_name(self.function))


JUDGES: dict[str, JudgeEntry] = {
    "gemini": JudgeEntry(frozenset({"gemini"}), "workbench.judging.gemini:ask"),
}

#: The judge's model in a study that names none.
DEFAULT_MODEL = "gemini/gemini-2.5-pro"


def judging_providers() -> list[ProviderName]:
    """Return the providers whose models can judge."""
    return list(dict.fromkeys(provider for judge in JUDGES.values() for provider in sorted(judge.providers)))


def score(request: ScoreRequest, plan: Plan) -> Verdict:
    """Return the verdict on a plan.

    A text that is no plan scores 0 without a call, with a reason that an optimizer can learn from.

    Raises:
        MissingKey: the judge's key is not in the environment.
        NotJudged: there is no verdict, and the plan is not to blame. Never the same as a zero.
    """
    if plan.problem is not None:
        return Verdict(
            0.0, f"No plan could be read: {plan.problem}. The answer must be one YAML document, and nothing else."
        )
    with journal.attempt(request.run, "score", request.key(plan)):
        prompt = fill(request.judge.template, request.goal, plan)
        return _ask_of(request.judge.provider.name)(request.judge, prompt, request.replicate)


def _ask_of(provider: ProviderName) -> Ask:
    """Return the function of the first judge that serves this provider."""
    for judge in JUDGES.values():
        if provider in judge.providers:
            return judge.load()
    raise ValueError(f"no judge asks models of {provider}; the study's loader refuses such a model")
