"""A pipeline in which the prompt cannot change the plan is told from every pipeline in which it may."""

from __future__ import annotations

from pathlib import Path

import pytest

from workbench.pipeline_file.document import read
from workbench.pipeline_file.influence import can_reach, top_steps
from workbench.pipeline_file.parsers import YAMERL
from workbench.pipeline_file.steps import workflow

REAL = sorted((Path(__file__).parents[1] / "data" / "pipelines").glob("*.yaml"))
STATIC = "{type: static, content: Write the plan of the analysis.}"
ANSWER = "{type: previous_response, step: analysis}"
ALONE = f"name: plan, type: gemini, prompt: [{STATIC}]"


def reaches(*steps: str, target: str = f"name: analysis, type: gemini, prompt: [{STATIC}]", defaults: str = "") -> bool:
    """Return whether the prompt of the first step can reach the last step. Each step is flow style without braces."""
    text = f"workflow:\n  name: w\n  defaults: {{{defaults}}}\n  steps:\n"
    root = workflow(read(text + "".join(f"    - {{{step}}}\n" for step in (target, *steps)), YAMERL))
    assert root is not None
    first, *_, last = top_steps(root)
    return can_reach(root, [first], last)


def test_a_step_that_takes_nothing_in_is_not_reached() -> None:
    """Words in its prompt that are a step's name are only words. A step between the two changes nothing."""
    assert not reaches(ALONE)
    assert not reaches(f"name: other, type: gemini, prompt: [{STATIC}]", ALONE)
    assert not reaches(f"name: other, type: gemini, prompt: [{ANSWER}]", ALONE)
    assert not reaches("name: plan, type: gemini, prompt: [{type: previous_response, step: analysis-2}]")
    assert not reaches("name: plan, type: claude, prompt: [{type: file, path: style.md}]")


@pytest.mark.parametrize(
    "steps",
    [
        [f"name: plan, type: gemini, prompt: [{ANSWER}]"],
        ['name: plan, type: gemini, prompt: [{type: static, content: "Improve {{steps.analysis.result}}."}]'],
        [f"name: plan, type: gemini, condition: analysis.score > 5, prompt: [{STATIC}]"],
        ["name: rows, type: data_transform, input_source: 'previous_response:analysis:rows'", f"{ALONE[:-1]}, "
         "{type: previous_response, step: rows}]"],
        ["name: set, type: set_variable, variables: {text: '{{steps.analysis.result}}'}",
         "name: plan, type: gemini, prompt: [{type: static, content: 'Improve {{state.text}}.'}]"],
        ["name: rows, type: data_transform, input_source: 'previous_response:analysis', output_field: gold",
         "name: plan, type: gemini, prompt: [{type: static, content: 'Improve {{gold.first}}.'}]"],
        [f"name: each, type: for_loop, data_source: 'previous_response:analysis', steps: [{{{ALONE}}}]"],
        ["name: plan, type: pipeline, pipeline_file: nested.yaml"],
        ["name: query, type: codebase_query",
         "name: plan, type: gemini, prompt: [{type: previous_response, step: query}]"],
    ],
)  # fmt: skip
def test_a_step_that_takes_in_an_answer_is_reached(steps: list[str]) -> None:
    """It may do so by a name, a variable, a condition, a loop, over another step, or as a whole pipeline."""
    assert reaches(*steps)


@pytest.mark.parametrize(
    ("target", "kind", "part", "reached"),
    [
        ("gemini, output_to_file: notes.md", "gemini", "type: file, path: out/notes.md", True),
        ("gemini, output_to_file: notes.md", "claude", "type: static, content: Read notes.md.", True),
        ("gemini, output_to_file: '{{date}}_notes.md'", "gemini", "type: file, path: 5_notes.md", True),
        ("gemini, output_to_file: notes.md", "claude", "type: file, path: style.md", False),
        ("claude, claude_options: {allowed_tools: [Write]}", "claude", "type: static, content: x", True),
        ("claude_smart, preset: development", "gemini", "type: file, path: style.md", True),
        ("claude, claude_options: {allowed_tools: [Write]}", "gemini", "type: static, content: x", False),
        ("gemini", "file_ops", "type: static, content: x", True),
        ("claude_session, session_name: s", "gemini", "type: claude_continue, session_id: s", True),
    ],
)  # fmt: skip
def test_files_and_sessions_may_connect_steps(target: str, kind: str, part: str, reached: bool) -> None:
    """A file that is saved must be named. Which files a model with tools writes is not known, so any of them counts."""
    reader = f"name: plan, type: {kind}, prompt: [{{{part}}}]"
    assert reaches(reader, target=f"name: analysis, type: {target}") == reached


def test_tools_may_be_allowed_by_the_defaults_of_the_workflow() -> None:
    target, reader = (f"name: {name}, type: claude, prompt: [{STATIC}]" for name in ("analysis", "plan"))
    assert not reaches(reader, target=target)
    assert reaches(reader, target=target, defaults="claude_preset: development")


def test_aliases_of_aliases_are_read_in_a_moment() -> None:
    lists = "".join(f"\n    l{n}: &l{n}\n      - *l{n - 1}\n      - *l{n - 1}" for n in range(1, 60))
    text = f"workflow:\n  steps:\n  - name: analysis\n    l0: &l0\n      - x{lists}\n  - {{{ALONE}}}\n"
    root = workflow(read(text, YAMERL))
    assert root is not None
    first, last = top_steps(root)
    assert not can_reach(root, [first], last)


@pytest.mark.parametrize("file", REAL, ids=lambda file: file.stem)
def test_the_first_step_of_a_real_pipeline_reaches_the_last(file: Path) -> None:
    """In one file, the last step writes about "the previous analysis", which pipeline_ex does not give it."""
    root = workflow(read(file.read_text(), YAMERL))
    if root is not None and (steps := top_steps(root)):
        assert can_reach(root, steps[:1], steps[-1]) == (file.stem != "test_simple_workflow")
