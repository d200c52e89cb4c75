"""The warning of our own runtime about a pipeline in which the prompt cannot change the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import study
from workbench.execution.runtimes import runtime_of
from workbench.study.opening import RunOptions, load

PROMPTED = "{name: write, type: gemini, prompt: [{type: variable, name: user_prompt}]}"
LAST = "name: improve, type: gemini, prompt: [{type: static, content: Improve the plan.}"


@pytest.mark.parametrize(
    ("steps", "warned"),
    [
        ([PROMPTED], False),
        ([PROMPTED, f"{{{LAST}, {{type: previous_response, step: write}}]}}"], False),
        ([PROMPTED, f"{{{LAST}]}}"], True),
        ([f"{{{LAST}]}}"], True),
        ([PROMPTED, f"{{{LAST}], condition: write}}"], False),
        ([f"{{name: both, parallel: [{PROMPTED}]}}", f"{{{LAST}, {{type: previous_response, step: write}}]}}"], False),
    ],
)
def test_a_last_step_that_the_prompt_cannot_change_is_named(tmp_path: Path, steps: list[str], warned: bool) -> None:
    """A condition may skip the last step. Then the plan may come from another step."""
    (tmp_path / "mine.yaml").write_text("workflow:\n  steps:\n" + "".join(f"    - {step}\n" for step in steps))
    pipeline = load(RunOptions(study(tmp_path, pipeline="mine.yaml"))).pipeline
    warning = runtime_of(pipeline.engine).warning(pipeline)
    assert (warning is not None) == warned
    assert warning is None or warning.startswith('pipeline: step "improve", whose answer is the plan, takes in nothing')
