"""Fills the judge's prompt, a template with three places.

Each place gets its text, which is not searched for places.
"""

from __future__ import annotations

import re
from importlib import resources

from workbench.nouns import Goal, Plan

PLACES = ("goal", "gold_plans", "plan")
_PLACE = re.compile(r"\$(goal|gold_plans|plan)\b")
#: Characters between the parts of a tag that a reader does not see.
_BLANK = r"[\s\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]*"
_TAG = re.compile(rf"<(?={_BLANK}/?{_BLANK}(?:goal|gold_plan|plan)\b)", re.IGNORECASE)


def default_template() -> str:
    """Return the template for studies that name none."""
    return resources.files(__package__).joinpath("holistic.md").read_text(encoding="utf-8")


def check_template(text: str) -> str | None:
    """Return what is wrong with a template, or None."""
    missing = [f"${place}" for place in PLACES if not re.search(rf"\${place}\b", text)]
    return f"the judge's template lacks {', '.join(missing)}" if missing else None


def fill(template: str, goal: Goal, plan: Plan) -> str:
    """Return the judge's prompt.

    No text that is filled in can close the tag around it, or add a place that is filled.
    """
    gold = "\n\n".join(f"<gold_plan>\n{_data(text)}\n</gold_plan>" for text in goal.gold)
    values = {"goal": _data(goal.text), "gold_plans": gold, "plan": _data(plan.text)}
    return _PLACE.sub(lambda place: values[place[1]], template)


def _data(text: str) -> str:
    """Return the text with `<` replaced in tags that the prompt uses."""
    return _TAG.sub("&lt;", text)
