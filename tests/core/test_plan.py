"""What a model wrote is a plan, or the plan says why it is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.execution.plan import MAX_DEPTH, problem, retrieve
from workbench.trial import Execution


def written(text: str, blamed: str | None = None) -> Execution:
    return Execution("key", text, Path("plan.yaml"), 1.0, blamed)


@pytest.mark.parametrize("text", ["a: 1\n", "title: x\nstages:\n- name: a\n", "? [1, 2]\n: 3\n", "a: {b: [c]}"])
def test_a_mapping_is_a_plan(text: str) -> None:
    """One YAML document with a mapping in it needs nothing more."""
    assert retrieve(written(text)).ok


@pytest.mark.parametrize("text", ["```yaml\na: 1\n```", "\n```\na: 1\n```  \n", "```YAML\r\na: 1\r\n```"])
def test_one_fence_around_all_of_it_is_taken_off(text: str) -> None:
    """The plan's text is what stands in the fence."""
    plan = retrieve(written(text))
    assert plan.ok
    assert plan.text.strip() == "a: 1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("just prose", "no mapping"),
        ("- 1\n- 2", "no mapping"),
        ("{}", "empty mapping"),
        ("a: [1", "no YAML"),
        ("title: x: y", "line 1, column 9"),
        ("Here you are:\n```yaml\na: 1\n```\n", "markdown fence"),
        ("a: 1\n---\nb: 2", "more than one YAML document"),
        ("a: 1\nb: 2\na: 3", "lines 1 and 3"),
        ("a: {b: 1, b: 2}", 'the key "b" twice'),
        ("a: &x [1]\nb: *x", "alias in line 2"),
        ("a: \x00", "no YAML"),
        ("a: " + "[" * 60 + "]" * 60, f"more than {MAX_DEPTH} levels"),
        ("a: " + "x" * 1_000_001, "longer than"),
        ("a: !!python/object/apply:os.system ['true']", None),
    ],
)
def test_what_is_no_plan_says_why(text: str, reason: str | None) -> None:
    """The reason names the place where there is one; a tag is data and is never acted on."""
    said = problem(text)
    assert (said is None) if reason is None else (said is not None and reason in said)


def test_a_billion_laughs_are_refused_before_the_first() -> None:
    """Aliases are seen, not expanded."""
    bomb = "a: &a [x,x,x,x]\n" + "".join(
        f"{b}: &{b} [*{a},*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    assert "alias" in (problem(bomb) or "")


def test_a_reply_that_was_cut_off_stays_one() -> None:
    """What the runtime blamed on the prompt is the plan's problem."""
    assert retrieve(written("", "cut off")).problem == "cut off"


@settings(max_examples=400)
@given(st.text(max_size=400) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\n\t ?,", max_size=200))
def test_no_text_makes_retrieval_fail(text: str) -> None:
    """Whatever a model writes, a plan comes back."""
    assert isinstance(retrieve(written(text)).ok, bool)
