"""Scores a plan by the criteria of a rubric: a model answers each criterion, and the score is computed.

A "yes" or a "partly" counts only if its quote is in the plan. So a judge cannot praise what a plan does not have.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, cast, get_args

from workbench.judging.holistic import LONGEST_VERDICT, ROLE, judges_call
from workbench.judging.schema import strict_object
from workbench.judging.template import fill
from workbench.models.asking import ask as ask_model
from workbench.models.reply import ModelCall
from workbench.models.text import UnusableText, take_in_json
from workbench.money.meter import Meter
from workbench.nouns import Plan, ScoreRequest, Verdict
from workbench.scoring import WORTH, Criterion, CriterionAnswer, CriterionResult

#: The longest evidence that a verdict keeps, in characters.
LONGEST_EVIDENCE = 400

#: The schema of a verdict. The evidence comes before the answer: an answer that is written first is a guess.
SCHEMA = strict_object(
    {
        "criteria": {
            "type": "array",
            "items": strict_object(
                {
                    "number": {"type": "integer", "description": "the criterion's number"},
                    "evidence": {"type": "string", "description": "words quoted from the plan, or an empty text"},
                    "answer": {"type": "string", "enum": list(WORTH)},
                }
            ),
        },
        "reason": {"type": "string", "description": "the reason, in three sentences at most"},
    }
)

#: Added to every prompt, because some servers ignore a schema.
FORM = (
    'Answer with one JSON object and nothing else: {"criteria": [{"number": 1, "evidence": "…", "answer": "yes"}], '
    '"reason": "…"}. Answer every criterion once, with yes, partly or no.'
)

_WORD = re.compile(r"\w+")
#: Dots in a quote mark words that are left out.
_GAP = re.compile(r"…|\.\.\.|\[\.\.\.\]")


def ask(request: ScoreRequest, plan: Plan, meter: Meter) -> Verdict:
    """Ask the judge's model to answer each criterion, and return the verdict.

    Raises:
        BudgetUsedUp, MissingKey, ModelNotFound, NotJudged: as in `workbench.judging.judge.score`.
        ValueError: the goal has no criteria.
    """
    criteria = request.goal.criteria
    if not criteria:
        raise ValueError(f"the goal {request.goal.name} has no criteria; a study is not opened without its rubric")
    answer = ask_model(ROLE, call_of(request, plan), lambda text: read_answers(text, criteria, plan.text), meter)
    results, reason = answer.value
    return Verdict(score_of(criteria, results), reason, answer.other_model, criteria=results)


def call_of(request: ScoreRequest, plan: Plan) -> ModelCall:
    """Return the call that asks a judge for a verdict."""
    return judges_call(request, fill(request.judge.template, request.goal, plan), FORM, SCHEMA)


def score_of(criteria: Sequence[Criterion], results: Sequence[CriterionResult]) -> float:
    """Return the score, 0 to 10: the weighted mean of what the answers are worth."""
    total = sum(criterion.weight for criterion in criteria)
    met = sum(c.weight * WORTH[result.answer] for c, result in zip(criteria, results, strict=True))
    return min(10.0, 10 * met / total)


def read_answers(text: str, criteria: Sequence[Criterion], plan: str) -> tuple[tuple[CriterionResult, ...], str]:
    """Return the result for each criterion, in the order of the criteria, and the reason.

    The names of the criteria that are not met are added to the reason, because optimizers learn from the reason.

    Raises:
        UnusableText: the reply is no verdict.
    """
    value = take_in_json(text, LONGEST_VERDICT)
    if not isinstance(value, dict) or not {"criteria", "reason"} <= set(value):
        raise UnusableText("it is no verdict; expected a JSON object with criteria and a reason")
    answers, reason = value["criteria"], value["reason"]
    if not isinstance(reason, str) or not reason.strip():
        raise UnusableText("it has no reason; expected a text")
    if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
        raise UnusableText("its criteria are no list of objects")
    by_number = {answer.get("number"): answer for answer in answers if type(answer.get("number")) is int}
    expected = set(range(1, len(criteria) + 1))
    if len(answers) != len(criteria) or set(by_number) != expected:
        raise UnusableText(f"it answers {sorted(by_number)}; expected each criterion from 1 to {len(criteria)} once")
    plan_words = _words(plan)
    results = tuple(_result(c, by_number[number], plan_words) for number, c in enumerate(criteria, start=1))
    return results, " ".join([reason.strip(), *_shortfalls(results)])


def _result(criterion: Criterion, answer: dict[str, Any], plan_words: str) -> CriterionResult:
    """Return the result for a criterion. An answer without a quote from the plan counts as "no".

    Raises:
        UnusableText: the answer is not yes, partly or no, or its evidence is no text.
    """
    # Servers that ignore the schema write "Yes" instead of "yes", and null instead of an empty evidence.
    evidence, word = answer.get("evidence") or "", str(answer.get("answer")).strip().lower()
    if word not in get_args(CriterionAnswer):
        raise UnusableText(f"its answer to criterion {answer['number']} is {word[:40]!r}; expected yes, partly or no")
    if not isinstance(evidence, str):
        raise UnusableText(f"its evidence for criterion {answer['number']} is {str(evidence)[:40]!r}; expected a text")
    quote = " ".join(evidence.split())[:LONGEST_EVIDENCE]
    if word != "no" and not is_quoted(evidence, plan_words):
        return CriterionResult(criterion.name, "no", quote, unproved=True)
    return CriterionResult(criterion.name, cast("CriterionAnswer", word), quote)


def is_quoted(evidence: str, plan: str) -> bool:
    """Return True if the plan has the quoted words, in this order. Case, markup and line breaks make no difference.

    A quote may have gaps, marked with dots. Then the plan must have each part between the gaps.

    Args:
        plan: the text of the plan, or its words as `_words` returns them.
    """
    plan_words = _words(plan)
    parts = [part for part in map(_words, _GAP.split(evidence)) if part.strip()]
    return bool(parts) and all(part in plan_words for part in parts)


def _words(text: str) -> str:
    """Return the words of a text in small letters, with one blank before and after each word."""
    return f" {' '.join(match[0].lower() for match in _WORD.finditer(text))} "


def _shortfalls(results: Sequence[CriterionResult]) -> list[str]:
    """Return a sentence for each kind of answer below "yes", with the names of its criteria."""
    groups = (
        ("Not met", [result.name for result in results if result.answer == "no" and not result.unproved]),
        ("Not proved by the plan", [result.name for result in results if result.unproved]),
        ("Partly met", [result.name for result in results if result.answer == "partly"]),
    )
    return [f"{title}: {', '.join(names)}." for title, names in groups if names]
