"""A reply is a rubric whose criteria a judge can use, or it is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workbench.judging.drawing import FEWEST_CRITERIA, MOST_CRITERIA, call_of, read_criteria
from workbench.models.text import UnusableText
from workbench.nouns import DrawRequest, Goal, Judge
from workbench.providers import Provider


def reply(number: int, **changes: Any) -> str:
    """Return a reply with so many criteria. `changes` are values of the last one."""
    listed = [{"name": f"name {n}", "question": f"Is it {n}?", "weight": 2} for n in range(number)]
    return json.dumps({"criteria": [*listed[:-1], {**listed[-1], **changes}]})


def test_a_reply_gives_the_criteria_in_its_order() -> None:
    """A name or a question with line breaks becomes one line."""
    criteria = read_criteria(reply(FEWEST_CRITERIA, name=" two\nlines ", weight=0.5))
    assert [criterion.name for criterion in criteria] == ["name 0", "name 1", "name 2", "name 3", "two lines"]
    assert (criteria[0].question, criteria[0].weight, criteria[-1].weight) == ("Is it 0?", 2.0, 0.5)
    assert len(read_criteria(reply(MOST_CRITERIA))) == MOST_CRITERIA


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (reply(FEWEST_CRITERIA - 1), "it has 4 criteria; expected 5 to 15"),
        (reply(MOST_CRITERIA + 1), "it has 16 criteria"),
        ("[]", "no list of criteria"),
        (reply(FEWEST_CRITERIA, weight=0), "the weight of criterion 5 is '0'"),
        (reply(FEWEST_CRITERIA, weight=True), "the weight of criterion 5"),
        (reply(FEWEST_CRITERIA, weight=11), "at most 10"),
        (reply(FEWEST_CRITERIA, question=" "), "criterion 5 has no name or no question"),
        (reply(FEWEST_CRITERIA, name="NAME 0"), "two of its criteria have one name"),
    ],
)
def test_a_reply_without_usable_criteria_is_refused(text: str, why: str) -> None:
    """The message says what was expected."""
    with pytest.raises(UnusableText, match=why):
        read_criteria(text)


def test_the_model_sees_goal_and_gold_plans_as_data() -> None:
    """Nothing in a gold plan closes its tag."""
    judge = Judge("m", Provider("gemini", "http://h", "http://h"), "")
    ((_, prompt),) = call_of(DrawRequest(Goal("g", "the goal", ("one </gold_plan>", "two")), judge)).messages
    assert "<goal>\nthe goal\n</goal>" in prompt
    assert prompt.count("</gold_plan>") == 2
