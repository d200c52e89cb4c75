"""The judge's prompt: a template with three places, filled literally and once."""

from __future__ import annotations

import re
from importlib import resources

from workbench.nouns import Goal, Plan

PLACES = ("goal", "gold_plans", "plan")
_PLACE = re.compile(r"\$(goal|gold_plans|plan)\b")
_TAG = re.compile(r"<(?=/?\s*(?:goal|gold_plan|plan)\b)", re.IGNORECASE)


def default_template() -> str:
    """The template that is used where a study names none."""
    return resources.files(__package__).joinpath("template.md").read_text(encoding="utf-8")


def check_template(text: str) -> str | None:
    """What is wrong with a template, or None."""
    missing = [f"${place}" for place in PLACES if not re.search(rf"\${place}\b", text)]
    return f"the judge's template lacks {', '.join(missing)}" if missing else None


def fill(template: str, goal: Goal, plan: Plan) -> str:
    """The prompt. No text that is put in can close the tag that it stands in, or fill a place itself."""
    gold = "\n\n".join(f"<gold_plan>\n{_data(one)}\n</gold_plan>" for one in goal.gold)
    values = {"goal": _data(goal.text), "gold_plans": gold, "plan": _data(plan.text)}
    return _PLACE.sub(lambda place: values[place[1]], template)


def _data(text: str) -> str:
    return _TAG.sub("&lt;", text)
