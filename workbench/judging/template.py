"""Fills the places of a template, which gives the judge's prompt.

A text that was filled in is not searched for places again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from workbench.nouns import Goal, Plan
from workbench.scoring import Criterion

#: The places of a template for a judge that compares a plan with the gold plans.
PLACES = ("goal", "gold_plans", "plan")
_PLACE = re.compile(r"\$(goal|gold_plans|plan)\b")
#: The places of a template for a judge that has criteria.
_PLACE_OR_CRITERIA = re.compile(r"\$(goal|gold_plans|plan|criteria)\b")
#: Characters between the parts of a tag that a reader does not see.
_BLANK = r"[\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]*"
_TAG = re.compile(rf"<(?={_BLANK}/?{_BLANK}(?:goal|gold_plan|plan|criteria)\b)", re.IGNORECASE)


def default_template(name: str = "holistic.md") -> str:
    """Return the template for studies that name none. `name` is a file of this folder."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def check_template(text: str, places: Sequence[str] = PLACES) -> str | None:
    """Return what is wrong with a template, or None."""
    missing = [f"${place}" for place in places if not re.search(rf"\${place}\b", text)]
    return f"the judge's template lacks {', '.join(missing)}" if missing else None


def fill(template: str, goal: Goal, plan: Plan) -> str:
    """Return the judge's prompt.

    A text that is filled in cannot close the tag around it, and a place in it is not filled. The place of the criteria
    is only filled if the goal has criteria.
    """
    values = {"goal": data(goal.text), "gold_plans": gold_plans(goal), "plan": data(plan.text)}
    if not goal.criteria:
        return _PLACE.sub(lambda place: values[place[1]], template)
    values["criteria"] = "\n".join(_numbered(number, c) for number, c in enumerate(goal.criteria, start=1))
    return _PLACE_OR_CRITERIA.sub(lambda place: values[place[1]], template)


def gold_plans(goal: Goal) -> str:
    """Return the goal's gold plans, each in a tag of its own."""
    return "\n\n".join(f"<gold_plan>\n{data(text)}\n</gold_plan>" for text in goal.gold)


def data(text: str) -> str:
    """Return the text with `<` replaced in tags that the prompt uses."""
    return _TAG.sub("&lt;", text)


def _numbered(number: int, criterion: Criterion) -> str:
    return f"{number}. {data(' '.join(criterion.name.split()))}: {data(' '.join(criterion.question.split()))}"
