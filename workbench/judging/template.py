"""Makes the judge's prompt: fills the places of a template, such as $goal and $plan, with texts.

A text that was filled in is not searched for places.
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
#: The tags in the templates that come with Workbench. A study's own template may have other tags.
_TAGS = frozenset({"goal", "gold_plan", "plan", "criteria"})
_TAG_OF_TEMPLATE = re.compile(r"</?([A-Za-z_][\w-]*)")
#: Characters that a reader does not see: those without a width, and those that choose a variant of a character.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    r"\ufeff\uffa0\U000e0000-\U000e0fff"
)


def default_template(name: str = "holistic.md") -> str:
    """Return the text of a template in this folder. Studies that name no template use it."""
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def check_template(text: str, places: Sequence[str] = PLACES) -> str | None:
    """Return what is wrong with a template, or None if it has all places."""
    missing = [f"${place}" for place in places if not re.search(rf"\${place}\b", text)]
    return f"the judge's template lacks {', '.join(missing)}" if missing else None


def fill(template: str, goal: Goal, plan: Plan) -> str:
    """Return the judge's prompt.

    The goal, the plans and the criteria cannot open or close a tag of the template. A place in their text, such as
    $plan, stays as it is. The place $criteria is filled only if the goal has criteria.
    """
    tag = _tag(frozenset(_TAG_OF_TEMPLATE.findall(template)) | _TAGS)

    def without_tags(text: str) -> str:
        return tag.sub("&lt;", text)

    gold_plans = "\n\n".join(f"<gold_plan>\n{without_tags(text)}\n</gold_plan>" for text in goal.gold)
    values = {"goal": without_tags(goal.text), "gold_plans": gold_plans, "plan": without_tags(plan.text)}
    if not goal.criteria:
        return _PLACE.sub(lambda place: values[place[1]], template)
    criteria = (_numbered(number, criterion) for number, criterion in enumerate(goal.criteria, start=1))
    values["criteria"] = "\n".join(map(without_tags, criteria))
    return _PLACE_OR_CRITERIA.sub(lambda place: values[place[1]], template)


@functools.cache
def _tag(names: frozenset[str]) -> re.Pattern[str]:
    """Return the pattern of the bracket `<` of a tag with one of these names.

    The pattern also matches a tag that has invisible characters in it.
    """
    blank = rf"[\s{_UNSEEN}]*"
    spelled = "|".join(f"[{_UNSEEN}]*".join(map(re.escape, name)) for name in sorted(names))
    return re.compile(rf"<(?={blank}/?{blank}(?:{spelled})\b)", re.IGNORECASE)


def _numbered(number: int, criterion: Criterion) -> str:
    return f"{number}. {' '.join(criterion.name.split())}: {' '.join(criterion.question.split())}"
