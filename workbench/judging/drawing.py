"""Draws the criteria of a rubric from the gold plans of a goal: one call of the judge's model for each goal."""

from __future__ import annotations

from typing import Any

from workbench.judging.holistic import LONGEST_VERDICT, ROLE, judges_call
from workbench.judging.schema import strict_object
from workbench.judging.template import default_template, fill
from workbench.models.asking import ask as ask_model
from workbench.models.reply import ModelCall
from workbench.models.text import UnusableText, take_in_json
from workbench.money.meter import Meter
from workbench.nouns import Goal, Judge, Plan, ScoreRequest
from workbench.scoring import Criterion

#: How many criteria a goal has. Fewer tell plans apart too coarsely, and more cost the judge's attention.
FEWEST, MOST = 5, 15
#: The longest name and the longest question, in characters.
LONGEST_NAME, LONGEST_QUESTION = 80, 500
#: The largest weight. With a larger one, the other criteria would not count.
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
    f"Write {FEWEST} to {MOST} criteria."
)


def draw(judge: Judge, goal: Goal, meter: Meter) -> tuple[Criterion, ...]:
    """Return the criteria that the judge's model draws from the gold plans of a goal.

    Raises:
        MissingKey, ModelNotFound, NotJudged: as `workbench.judging.judge.score`.
    """
    return ask_model(ROLE, call_of(judge, goal), read_criteria, meter).value


def call_of(judge: Judge, goal: Goal) -> ModelCall:
    """Return the call that draws the criteria of a goal."""
    prompt = fill(default_template("drawing.md"), goal, Plan(""))
    return judges_call(ScoreRequest(goal, judge), prompt, FORM, SCHEMA)


def read_criteria(text: str) -> tuple[Criterion, ...]:
    """Return the criteria in a reply.

    Raises:
        UnusableText: the reply has no criteria that a judge could use.
    """
    value = take_in_json(text, LONGEST_VERDICT)
    entries = value.get("criteria") if isinstance(value, dict) else None
    if not isinstance(entries, list) or not FEWEST <= len(entries) <= MOST:
        count = f"{len(entries)} criteria" if isinstance(entries, list) else "no list of criteria"
        raise UnusableText(f"it has {count}; expected {FEWEST} to {MOST}")
    criteria = tuple(_criterion(number, entry) for number, entry in enumerate(entries, start=1))
    if len({criterion.name.lower() for criterion in criteria}) < len(criteria):
        raise UnusableText("two of its criteria have one name; expected different names")
    return criteria


def _criterion(number: int, entry: Any) -> Criterion:
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
