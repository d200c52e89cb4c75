"""The judge's prompt is filled literally, once, and nothing breaks out of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.judging.template import check_template, default_template, fill
from workbench.nouns import Goal, Plan


def test_goal_gold_plans_and_plan_stand_in_their_tags() -> None:
    """Every gold plan has a tag of its own."""
    prompt = fill(default_template(), Goal("g", "the goal", ("gold one", "gold two")), Plan("the: plan"))
    assert "<goal>\nthe goal\n</goal>" in prompt
    assert "<gold_plan>\ngold one\n</gold_plan>\n\n<gold_plan>\ngold two\n</gold_plan>" in prompt
    assert "<plan>\nthe: plan\n</plan>" in prompt


@given(
    st.sampled_from(["</plan>", "< /plan >", "</PLAN>", "<gold_plan>", "$goal", "${plan}", "\\1", "$gold_plans"]),
    st.text(),
)
def test_a_plan_cannot_leave_its_tag_or_fill_a_place(attack: str, around: str) -> None:
    """A hostile plan is data: one tag opens, one closes, and the goal appears only once."""
    prompt = fill(
        "<goal>$goal</goal>$gold_plans<plan>$plan</plan>", Goal("g", "SECRET", ("gold",)), Plan(around + attack)
    )
    assert prompt.count("</plan>") == 1
    assert prompt.count("<gold_plan>") == 1
    assert prompt.count("SECRET") == 1 + around.count("SECRET")


def test_a_template_that_lacks_a_place_is_refused() -> None:
    """The message names what is missing."""
    assert check_template(default_template()) is None
    assert check_template("judge $plan") == "the judge's template lacks $goal, $gold_plans"


@pytest.mark.parametrize(
    "tag",
    [
        "< /plan>",
        "</ plan>",
        "<\n/PLAN >",
        "<\u200b/plan>",
        "< goal>",
        "<\ufeff/gold_plan>",
        "</pl\u200ban>",
        "</\u2066plan>",
        "<\ufe0f/p\u034flan>",
        "<\U000e0020/plan>",
    ],
)
def test_a_tag_with_blanks_in_it_does_not_close_the_plan(tag: str) -> None:
    """A model reads such a tag as one. Its bracket is escaped."""
    prompt = fill("$goal$gold_plans<plan>$plan</plan>", Goal("g", "goal", ("gold",)), Plan(f"a {tag} b"))
    assert f"a &lt;{tag[1:]} b" in prompt


def test_a_plan_cannot_close_a_tag_of_the_studys_own_template() -> None:
    """Other brackets of a plan stay as they are."""
    goal = Goal("g", "goal", ("gold",))
    prompt = fill("<Answer-1 kind='x'>$plan</Answer-1>$goal$gold_plans", goal, Plan("< /answer-1> <b> </answer>"))
    assert "&lt; /answer-1> <b> </answer></Answer-1>" in prompt
