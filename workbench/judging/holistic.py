"""Scores a plan as a whole: a model writes first the reason, then the score. Any other reply is no verdict."""

from __future__ import annotations

from typing import Any

from workbench.errors import NotJudged
from workbench.judging.schema import strict_object
from workbench.judging.template import fill
from workbench.models.asking import Role
from workbench.models.asking import ask as ask_model
from workbench.models.reply import ModelCall
from workbench.models.text import UnusableText, take_in_json
from workbench.money.meter import Meter
from workbench.nouns import Plan, ScoreRequest, Verdict

ROLE = Role("judge", NotJudged)

#: The longest verdict that is read, in characters.
LONGEST_VERDICT = 100_000
#: The longest reply, in tokens. Thoughts count, too. Without this limit, a verdict would have no largest cost.
VERDICT_TOKENS = 32_000

#: The schema of a verdict for all providers. The reason comes first: a score that is written before its reason is a
#: guess. Some providers refuse keywords for a range, so the schema has none, and `read_verdict` checks the range.
SCHEMA = strict_object(
    {
        "reason": {"type": "string", "description": "the reason for the score, in three sentences at most"},
        "score": {"type": "number", "description": "the score, from 0 to 10"},
    }
)

#: Added to every prompt, because some servers ignore a schema.
FORM = 'Answer with one JSON object and nothing else: {"reason": "…", "score": 0.0}. Write the reason first.'


def ask(request: ScoreRequest, plan: Plan, meter: Meter) -> Verdict:
    """Ask the judge's model for a verdict on the plan as a whole, and return the verdict.

    Raises:
        BudgetUsedUp, MissingKey, ModelNotFound, NotJudged: as in `workbench.judging.judge.score`.
    """
    answer = ask_model(ROLE, call_of(request, plan), read_verdict, meter)
    score, reason = answer.value
    return Verdict(score, reason, answer.other_model)


def call_of(request: ScoreRequest, plan: Plan) -> ModelCall:
    """Return the call that asks a judge for a verdict."""
    return judges_call(request, fill(request.judge.template, request.goal, plan), FORM, SCHEMA)


def judges_call(request: ScoreRequest, prompt: str, form: str, schema: dict[str, Any]) -> ModelCall:
    """Return a call of the judge's model.

    Args:
        prompt: the filled template.
        form: the last words of the prompt. They describe the answer that `schema` demands.
    """
    judge = request.judge
    return ModelCall(
        provider=judge.provider,
        model=judge.model,
        messages=(("user", f"{prompt.rstrip()}\n\n{form}"),),
        temperature=judge.temperature,
        # A model of another service or of a local server may allow fewer tokens, so its own limit applies.
        max_tokens=None if judge.provider.service.protocol == "openai" else VERDICT_TOKENS,
        schema=schema,
        seed=request.seed,
        seconds=judge.timeout_seconds,
    )


def read_verdict(text: str) -> tuple[float, str]:
    """Return the score and the reason in a reply.

    Raises:
        UnusableText: the reply is no verdict.
    """
    value = take_in_json(text, LONGEST_VERDICT)
    if not isinstance(value, dict) or not {"score", "reason"} <= set(value):
        raise UnusableText("it is no verdict; expected a JSON object with a reason and a score")
    score, reason = value["score"], value["reason"]
    # true is an int in Python.
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 10:
        raise UnusableText(f"its score is {str(score)[:40]!r}; expected a number from 0 to 10")
    if not isinstance(reason, str) or not reason.strip():
        raise UnusableText("it has no reason; expected a text")
    return float(score), reason.strip()
