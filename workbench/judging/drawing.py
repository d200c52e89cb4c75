"""Draws the criteria of a rubric from the gold plans of a goal: one call of the judge's model for each goal."""

from __future__ import annotations

from typing import Any

from workbench.judging.holistic import LONGEST_VERDICT, ROLE, judges_call
from workbench.judging.schema import strict_object
from workbench.judging.template import default_template, fill
from workbench.models.asking import ask as ask_model
from workbench.models.reply import ModelCall
from workbench.models.text import UnusableText, take_in_json
from workbench.nouns import DrawnCriteria, DrawRequest, Plan, ScoreRequest
from workbench.providers import digest
from workbench.run import journal
from workbench.scoring import Criterion

#: The file of this folder that is the template of the prompt.
TEMPLATE = "drawing.md"
#: How many criteria a goal has. Fewer tell plans apart too coarsely, and more cost the judge's attention.
FEWEST_CRITERIA, MOST_CRITERIA = 5, 15
#: The longest name and the longest question, in characters.
LONGEST_NAME, LONGEST_QUESTION = 80, 500
#: The largest weight of a criterion. Beside a larger weight, the other criteria would hardly count.
LARGEST_WEIGHT = 10

SCHEMA = strict_object(
    {
        "criteria": {
            "type": "array",
            "items": strict_object(
                {
                    "name": {"type": "string", "description": "two to six words"},
                    "question": {"type": "string", "description": "answered with yes, partly or no"},
                    "weight": {"type": "number", "description": "1, 2 or 3"},
                }
            ),
        },
    }
)

#: Added to the prompt, because some servers ignore a schema.
FORM = (
    'Answer with one JSON object and nothing else: {"criteria": [{"name": "…", "question": "…", "weight": 1}]}. '
    f"Write {FEWEST_CRITERIA} to {MOST_CRITERIA} criteria."
)


def key_of(request: DrawRequest) -> str:
    """Return the cache key of the criteria: a hash of everything that they depend on."""
    goal, judge = request.goal, request.judge
    return digest(
        "draw/1",
        goal.text,
        *goal.gold,
        default_template(TEMPLATE),
        judge.model,
        str(judge.temperature),
        judge.provider.label,
        str(request.number),
    )


def draw(request: DrawRequest) -> DrawnCriteria:
    """Return the criteria that the judge's model draws from the gold plans of a goal.

    Raises:
        BudgetUsedUp, MissingKey, ModelNotFound, NotJudged: as in `workbench.judging.judge.score`.
    """
    key = key_of(request)
    with journal.attempt(request.run, "draw", key) as meter:
        answer = ask_model(ROLE, call_of(request), read_criteria, meter)
    if answer.other_model is not None:
        journal.note_other_model(request.run, "draw", key, request.judge.model, answer.other_model)
    return DrawnCriteria(answer.value, answer.other_model, meter.cost)


def call_of(request: DrawRequest) -> ModelCall:
    """Return the call that draws the criteria of a goal. Each drawing of a goal has another seed."""
    prompt = fill(default_template(TEMPLATE), request.goal, Plan(""))
    return judges_call(ScoreRequest(request.goal, request.judge, request.number), prompt, FORM, SCHEMA)


def read_criteria(text: str) -> tuple[Criterion, ...]:
    """Return the criteria in a reply.

    Raises:
        UnusableText: the reply has no criteria that a judge could use.
    """
    value = take_in_json(text, LONGEST_VERDICT)
    entries = value.get("criteria") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not FEWEST_CRITERIA <= len(entries) <= MOST_CRITERIA:
        count = f"{len(entries)} criteria" if isinstance(entries, list) else "no list of criteria"
        raise UnusableText(f"it has {count}; expected {FEWEST_CRITERIA} to {MOST_CRITERIA}")
    criteria = tuple(_criterion(number, entry) for number, entry in enumerate(entries, start=1))
    if len({criterion.name.lower() for criterion in criteria}) < len(criteria):
        raise UnusableText("two of its criteria have one name; expected different names")
    return criteria


def _criterion(number: int, entry: Any) -> Criterion:
    """Return the criterion in an entry of a reply. Cut a name and a question that are too long.

    Args:
        number: the entry's place in the reply, from 1, for the errors.

    Raises:
        UnusableText: the entry has no name, no question or no weight that can count.
    """
    values = entry if isinstance(entry, dict) else {}
    name, question, weight = values.get("name"), values.get("question"), values.get("weight")
    if not isinstance(name, str) or not isinstance(question, str) or not name.strip() or not question.strip():
        raise UnusableText(f"criterion {number} has no name or no question; expected two texts")
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight <= LARGEST_WEIGHT:
        raise UnusableText(
            f"the weight of criterion {number} is {str(weight)[:40]!r}; expected a number above 0, at most "
            f"{LARGEST_WEIGHT}"
        )
    texts = (" ".join(name.split())[:LONGEST_NAME].strip(), " ".join(question.split())[:LONGEST_QUESTION].strip())
    return Criterion(*texts, float(weight))
