"""Fills the places of a template, which gives the judge's prompt.

A text that was filled in is not searched for places again.
"""

from __future__ import annotations

import functools
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
#: The tags of the templates that come with Workbench. A template of the study may have others.
_TAGS = frozenset({"goal", "gold_plan", "plan", "criteria"})
_TAG_OF_TEMPLATE = re.compile(r"</?([A-Za-z_][\w-]*)")
#: Characters that a reader does not see: those without a width, and those that choose a variant of a character.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\U000e0000-\U000e0fff"
)


def default_template(name: str = "holistic.md") -> str:
    """Return the template for studies that name none. `name` is a file of this folder."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def check_template(text: str, places: Sequence[str] = PLACES) -> str | None:
    """Return what is wrong with a template, or None."""
    missing = [f"${place}" for place in places if not re.search(rf"\${place}\b", text)]
    return f"the judge's template lacks {', '.join(missing)}" if missing else None


def fill(template: str, goal: Goal, plan: Plan) -> str:
    """Return the judge's prompt.

    The goal, the plans and the criteria cannot close a tag of the template. A placeholder in their text stays as it is.
    The placeholder of the criteria is filled only if the goal has criteria.
    """
    tag = _tag(frozenset(_TAG_OF_TEMPLATE.findall(template)) | _TAGS)

    def data(text: str) -> str:
        return tag.sub("&lt;", text)

    gold_plans = "\n\n".join(f"<gold_plan>\n{data(text)}\n</gold_plan>" for text in goal.gold)
    values = {"goal": data(goal.text), "gold_plans": gold_plans, "plan": data(plan.text)}
    if not goal.criteria:
        return _PLACE.sub(lambda place: values[place[1]], template)
    values["criteria"] = "\n".join(data(_numbered(number, c)) for number, c in enumerate(goal.criteria, start=1))
    return _PLACE_OR_CRITERIA.sub(lambda place: values[place[1]], template)


@functools.cache
def _tag(names: frozenset[str]) -> re.Pattern[str]:
    """Return the pattern of the opening bracket of a tag with one of these names.

    Invisible characters inside the tag do not hide it from the pattern.
    """
    blank = rf"[\s{_UNSEEN}]*"
    spelled = "|".join(f"[{_UNSEEN}]*".join(map(re.escape, name)) for name in sorted(names))
    return re.compile(rf"<(?={blank}/?{blank}(?:{spelled})\b)", re.IGNORECASE)


def _numbered(number: int, criterion: Criterion) -> str:
    return f"{number}. {' '.join(criterion.name.split())}: {' '.join(criterion.question.split())}"
