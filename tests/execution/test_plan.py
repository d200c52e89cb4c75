"""Plans in model-written text, and the reasons why a text is no plan."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.execution.plan import problem, retrieve, unfenced
from workbench.nouns import Execution
from workbench.pipeline_file.nodes import MAX_DEPTH, MAX_NODES


def execution_with(text: str, blamed: str | None = None) -> Execution:
    return Execution("key", text, Path("plan.yaml"), 1.0, blamed)


@pytest.mark.parametrize("text", ["a: 1\n", "title: x\nstages:\n- name: a\n", "? [1, 2]\n: 3\n", "a: {b: [c]}"])
def test_a_mapping_is_a_plan(text: str) -> None:
    """One YAML document with a mapping in it needs nothing more."""
    assert retrieve(execution_with(text)).ok


@pytest.mark.parametrize("text", ["```yaml\na: 1\n```", "\n```\na: 1\n```  \n", "```YAML\r\na: 1\r\n```"])
def test_one_fence_around_all_of_it_is_taken_off(text: str) -> None:
    """The plan's text is the content of the fence."""
    plan = retrieve(execution_with(text))
    assert plan.ok
    assert plan.text.strip() == "a: 1"


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("Here you are:\n```yaml\na: 1\n```\nGood luck!", "a: 1\n"),
        ("Here you are:\n```\na: 1\n```", "a: 1\n"),
        ("First:\n```elixir\nx = 1\n```\nThen:\n```yml\na: 1\n```\n", "a: 1\n"),
        ("Either\n```yaml\na: 1\n```\nor\n```yaml\na: 2\nb: 3\n```\n", "a: 2\nb: 3\n"),
        ("Cut\n```yaml\na: 1\n", "a: 1\n"),
        ("Cut\n```\na: 1\n", None),
        ("prompt: |\n  Like this:\n  ```yaml\n  b: 1\n  ```\n", None),
        ("# A plan\n```yaml\na: [\n```\n", "a: [\n"),
        ("```yaml workflow.yaml\na: 1\n```", "a: 1\n"),
        ("  1. Plan\n     ```yaml\n     a:\n       b: 1\n     ```\n", "a:\n  b: 1\n"),
        ("````yaml\na: 1\n````", "a: 1\n"),
        ("~~~yaml\na: 1\n~~~\n", "a: 1\n"),
        ("```yaml\na: |\n  ```\n  x\n  ```\nb: 1\n```\n", "a: |\n  ```\n  x\n  ```\nb: 1\n"),
    ],
)
def test_prose_around_one_block_is_left_out(text: str, inside: str | None) -> None:
    """This holds if only one block can be meant. A plan with fences in its values keeps them."""
    assert unfenced(text) == (text if inside is None else inside)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("name: x\\nsteps:\\n  - name: a", "literal \\n"),
        ("name: x\\nsteps: 1", "literal \\n"),
        ("a: 1\nb: x\\n- y", "literal \\n where lines should end, in line 2"),
        ('a: "say "hello" to them"', "doubled quotes"),
        ('type: ""static""', "doubled quotes"),
        ("a: b... [TRIMMED: 123456 bytes total]", "123456 bytes"),
        ("a: [b... [TRIMMED: 123456 bytes total]\n```\n", "123456 bytes"),
        ('{"type":"assistant","message":{"text":"a: 1\nb: 2', "JSON of claude's messages"),
    ],
)
def test_damage_by_pipeline_ex_is_named(text: str, hint: str) -> None:
    """Nothing is repaired."""
    plan = retrieve(execution_with(text))
    assert hint in (plan.problem or "")
    assert plan.text == text


@pytest.mark.parametrize(
    "text",
    [
        'a: "one\\ntwo: three"',
        "a: 'one\\n- two'",
        'a: "say \\"hello\\" to them"',
        "a: they say ... [TRIMMED, 5 bytes total]\nb: 1",
        '{"a": "x\\ny: z"}',
        "pattern: foo\\nbar",
    ],
)
def test_text_that_only_looks_damaged_is_a_plan(text: str) -> None:
    """Escapes within quotes belong to YAML."""
    assert problem(text) is None


def test_pipelines_that_people_wrote_are_classified(pytestconfig: pytest.Config) -> None:
    """Both shapes are plans. A mistake is reported with its line."""
    files = sorted((pytestconfig.rootpath / "tests" / "data" / "pipelines").glob("*.yaml"))
    assert len(files) > 20
    for file in files:
        reported = problem(file.read_text())
        assert reported is None or "line" in reported, file.name


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
        ("a: &x [1]\nb: *x", None),
        ("a: &x [1, *x]", "alias *x in line 1, but no value before it has that anchor"),
        ("a: *x", "alias *x in line 1"),
        ("a: \x00", "no YAML"),
        ("a: " + "[" * 60 + "]" * 60, f"more than {MAX_DEPTH} levels"),
        ("a: " + "x" * 1_000_001, "longer than"),
        ("a: !!python/object/apply:os.system ['true']", None),
        ("a: 1\nb: 2\n---\n", None),
        ("---\na: 1\n...\n", None),
        ("a: 1\n---\n---\nb: 1", "the second begins in line"),
        ("".join(f"k{n}: 1\n" for n in range(70_000)), f"more than {MAX_NODES} values"),
        ("Sorry: I need more information to do this.", "is it prose"),
        ("note: I need more information.", "is it prose"),
        ("Note: this is hard.\nReason: there is no goal.", "is it prose"),
        ("https://x.y: z", "is it prose"),
        ("Title: x\nStages:\n- a", None),
        ("title: A plan of three words\nsummary: b", None),
        ('{"type":"assistant","message":{"content":[{"text":"a: 1"}]}}', "a JSON message of the claude program"),
        ('{"error": "bad", "code": 1}', "a JSON message of the claude program"),
    ],
)
def test_a_text_that_is_no_plan_has_a_reason(text: str, reason: str | None) -> None:
    """The reason names the place, if there is one. A tag is data and is never acted on."""
    reported = problem(text)
    assert (reported is None) if reason is None else (reported is not None and reason in reported)


def test_a_billion_laughs_are_refused() -> None:
    """Aliases count as if they were written out, wide and deep, but they never are."""
    names = "abcdefghijklmnopqrstuvwxyz"
    wide = "a: &a [x,x,x,x]\n" + "".join(
        f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n" for a, b in pairwise(names)
    )
    assert f"more than {MAX_NODES} values" in (problem(wide) or "")
    deep = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60))
    assert f"more than {MAX_DEPTH} levels" in (problem(deep) or "")


@pytest.mark.slow
@pytest.mark.parametrize("filler", ["a", " ", "`", "~", "\n", "```yaml\n", "#\n", "a: 1\n"])
def test_a_megabyte_takes_bounded_time(filler: str) -> None:
    """The text is in a fence, around a fence, or in pipeline_ex's wrapper."""
    much = filler * (900_000 // len(filler))
    start = time.process_time()
    for text in (f"```{much}`", f"[\n```\n{much}", f"workflow:\n  name: generated_pipeline\n  steps:\n{much}"):
        problem(unfenced(text))
    assert time.process_time() - start < 20


def test_a_cut_off_reply_stays_invalid() -> None:
    """The problem that the runtime reports is the plan's problem."""
    assert retrieve(execution_with("", "cut off")).problem == "cut off"


@given(st.text(max_size=400) | st.text(alphabet="ab:-[]{}&*!|>'\"#%@`\n\t ?,", max_size=200))
def test_no_text_makes_retrieval_fail(text: str) -> None:
    """For every text, retrieval returns a plan or a problem."""
    assert isinstance(retrieve(execution_with(text)).ok, bool)


def test_libyaml_decides_and_the_other_parser_explains() -> None:
    """The runtime reads YAML with libyaml, too. It takes a tab within a plain text, which PyYAML's parser refuses."""
    tab = "workflow:\n  description: Test\tthe robust step\n"
    assert problem(tab) is None
    assert "found character '`' that cannot start any token in line 1, column 4" in str(problem("a: `b`"))
