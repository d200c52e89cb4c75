"""Output formats that a variant sets, and targets that are refused because nothing can prove their plans."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from workbench.execution.pipeline_ex import variant
from workbench.execution.pipeline_ex.provable import refusals
from workbench.nouns import Target
from workbench.pipeline_file.document import read
from workbench.pipeline_file.parsers import YAMERL

WRITE = Target("write", "write")
PROMPT = "prompt: [{type: static, content: Write.}]"


def pipeline(*steps: str, defaults: str = "") -> str:
    """Return a pipeline file with these steps, each in flow style without its braces."""
    head = f"workflow:\n  name: p\n{f'  defaults: {{{defaults}}}' if defaults else ''}\n  steps:\n"
    return head + "".join(f"    - {{{step}}}\n" for step in steps)


def reasons(text: str, target: Target = WRITE, folder: Path = Path("/nonexistent")) -> list[str]:
    return list(refusals(read(text, YAMERL), target, folder))


def write(kind: str, fields: str = "") -> str:
    """Return a step of this type in flow style, without its braces."""
    return f"name: write, type: {kind}, {PROMPT}{f', {fields}' if fields else ''}"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (write("claude_extract"), "stream_json"),
        (write("claude_smart", "preset: analysis"), "stream_json"),
        (write("claude_smart", "preset: chat"), "stream_json"),
        (write("claude_session", "claude_options: {output_format: json}"), "stream_json"),
        (write("claude_robust", "claude_options: {output_format: text}"), "stream_json"),
        (write("claude_batch", "tasks: [{topic: a}]"), "stream_json"),
        (write("claude", "claude_options: {output_format: text}"), "stream_json"),
        (write("claude", "claude_options: {output_format: json}"), "stream_json"),
        (write("claude", "claude_options: {output_format: stream-json}"), "stream-json"),
        (write("claude"), None),
        (write("gemini"), None),
    ],
)
def test_a_variant_has_the_output_format_that_proves(step: str, expected: str | None, tmp_path: Path) -> None:
    """Every step that asks the claude program prints a result message, with any preset or format."""
    file = tmp_path / "v.yaml"
    assert variant.write(pipeline(step), "x", WRITE, file, "plan") is None
    (step_in_file,) = yaml.safe_load(file.read_text())["workflow"]["steps"]
    assert step_in_file.get("claude_options", {}).get("output_format") == expected
    assert not reasons(pipeline(step))


def test_steps_within_other_steps_have_the_proving_format_too(tmp_path: Path) -> None:
    """Steps in loops, in parallel groups and in nested pipelines of the same file get the format."""
    inner = "steps: [{name: a, type: claude, claude_options: {output_format: text}, prompt: []}]"
    text = pipeline(
        f"name: all, type: for_loop, {inner}",
        "name: two, type: parallel_claude, "
        "parallel_tasks: [{id: b, claude_options: {output_format: json}, prompt: []}]",
        f"name: sub, type: pipeline, pipeline: {{name: n, {inner}}}",
        write("claude"),
    )
    file = tmp_path / "v.yaml"
    assert variant.write(text, "x", WRITE, file, "plan") is None
    loop, group, nested, _ = yaml.safe_load(file.read_text())["workflow"]["steps"]
    for step in (loop["steps"][0], group["parallel_tasks"][0], nested["pipeline"]["steps"][0]):
        assert step["claude_options"] == {"output_format": "stream_json"}


SMART = f"name: idea, type: claude_smart, {PROMPT}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # The candidate would never be asked.
        (pipeline(write("claude_batch")), "claude_batch without tasks"),
        (pipeline(write("claude_batch", "tasks: []")), "claude_batch without tasks"),
        (pipeline(write("claude_batch", "tasks: [{prompt: a}, {file: b.ex}]")), "have a prompt or a file of their own"),
        # The answer of a step is saved nowhere.
        (pipeline(f"name: loop, type: while_loop, steps: [{{{SMART}}}]", write("claude")), "in a while_loop"),
        (
            pipeline(f"name: loop, type: for_loop, steps: [{{{SMART}}}, {{type: parallel_claude}}]", write("claude")),
            'nothing can prove the answers of step "idea"',
        ),
        (pipeline(f"name: sub, type: pipeline, pipeline: {{steps: [{{{SMART}}}]}}", write("claude")), "in a pipeline"),
        # The output cannot be a plan.
        (pipeline("name: write, type: parallel_claude, parallel_tasks: []"), "cannot put out the plan"),
        (pipeline("name: write, type: while_loop, steps: []"), "cannot put out the plan"),
        # The user's file needs the format that it has.
        (pipeline(write("claude_extract", "extraction_config: {format: summary}")), "the format summary"),
        (
            pipeline(write("claude_extract", "extraction_config: {post_processing: [extract_links]}")),
            "stream_json cannot replace it, because post_processing",
        ),
        (
            pipeline(
                write("claude", "claude_options: {output_format: text}"),
                "name: next, type: claude, condition: 'write.text == \"yes\"', prompt: []",
            ),
            "output format text, which proves no answer; stream_json cannot replace it, because condition",
        ),
        (
            pipeline(
                f"{SMART}, preset: chat",
                'name: data, type: data_transform, input_source: "previous_response:idea:text"',
                write("claude"),
            ),
            'step "idea" has the output format text',
        ),
        (
            pipeline(
                SMART,
                'name: data, type: data_transform, input_source: "previous_response:idea:text"',
                write("claude"),
                defaults="claude_preset: production",
            ),
            'step "idea" has the output format json',
        ),
    ],
)
def test_a_target_that_nothing_can_prove_is_refused(text: str, message: str) -> None:
    """The reason names the step, what pipeline_ex does with it, and what to change."""
    (reason,) = reasons(text)
    assert message in reason


@pytest.mark.parametrize(
    "text",
    [
        pipeline(write("claude_batch", "tasks: [{prompt: a}, {topic: b}]")),
        pipeline(write("claude_extract", "extraction_config: {format: json}")),
        pipeline(
            write(
                "claude_extract",
                "claude_options: {output_format: stream_json}, extraction_config: {post_processing: [extract_links]}",
            )
        ),
        pipeline(f"name: loop, type: for_loop, steps: [{{{SMART}}}]", write("claude")),
        # pipeline_ex may skip this step, and then nothing has to be proved.
        pipeline(f"name: loop, type: while_loop, condition: x, steps: [{{{SMART}}}]", write("claude")),
        # A model reads the answer, and can read raw messages as well.
        pipeline(f"{SMART}, preset: chat", write("claude")),
        # Another step is a batch with a prompt of its own. The candidate's step still asks its model.
        pipeline("name: b, type: claude_batch, prompt: []", write("claude")),
        "name: no workflow\n",
    ],
)
def test_a_target_that_can_be_proved_is_not_refused(text: str) -> None:
    """A study whose plans can be proved is not refused."""
    assert reasons(text) == []


def test_a_nested_pipeline_file_is_searched_for_steps_without_proof(tmp_path: Path) -> None:
    """Its steps are not rewritten, so a step that proves nothing is refused. pipeline_ex reports a missing file."""
    text = pipeline("name: sub, type: pipeline, pipeline_file: sub.yaml", write("claude"))
    assert reasons(text, folder=tmp_path) == []
    (tmp_path / "sub.yaml").write_text(
        pipeline("name: sub, type: pipeline, pipeline_file: sub.yaml", write("claude", "claude_options: {}"))
    )
    assert reasons(text, folder=tmp_path) == []
    (tmp_path / "sub.yaml").write_text(pipeline(write("claude", "claude_options: {output_format: text}")))
    assert 'step "write" of sub.yaml has the output format text' in reasons(text, folder=tmp_path)[0]
    (tmp_path / "sub.yaml").write_text(pipeline(SMART))
    assert 'nothing can prove the answers of step "idea" of sub.yaml' in reasons(text, folder=tmp_path)[0]
