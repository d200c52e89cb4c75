"""What is read out of a pipeline file before it is executed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.study.test_loader import GOOD, folder, study
from workbench.nouns import ExecutionRequest, Goal
from workbench.pipeline_file import needs

__all__ = ["folder"]

STEPS = """\
workflow:
  name: two
  steps:
    - {name: a, type: claude_extract, prompt: [{type: file, path: style.md}, {type: file, input: codebase}]}
    - name: both
      parallel:
        - {name: b, type: claude_robust, via: program, prompt: [{type: file, path: deep/more.md}]}
        - {name: c, type: gemini, prompt: [{type: file, path: style.md}]}
"""


def test_files_and_providers_are_found_in_steps_of_steps() -> None:
    """A file that two steps read is one; an input of the study's is not the pipeline's."""
    assert needs.files(STEPS) == ["deep/more.md", "style.md"]
    assert needs.providers(STEPS) == {"anthropic", "gemini"}


def test_the_claude_program_needs_no_key() -> None:
    """It has a login of its own."""
    assert needs.providers("a: {type: claude, via: program}") == set()
    assert needs.programs(STEPS)
    assert not needs.programs("a: {type: claude, via: api}")


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "a: &a [*a]", "a: \x00", "type: file\npath: 3", "[" * 2000])
def test_what_cannot_be_read_says_nothing(text: str) -> None:
    """The runtime refuses it, with its own words."""
    assert needs.files(text) == []
    assert needs.providers(text) == set()


def test_an_execution_is_another_when_a_file_of_its_pipeline_is(folder: Path) -> None:
    """Its plan would be taken for that of the file as it was."""
    (folder / "pipeline.yaml").write_text("workflow: {steps: [{prompt: [{type: file, path: style.md}]}]}\n")

    def key() -> str:
        pipeline = replace(study(folder, GOOD).pipeline, version="1")
        return ExecutionRequest("prompt", Goal("g", "goal", ("gold",)), 0, pipeline, ()).key

    without = key()
    (folder / "style.md").write_text("Be brief.")
    brief = key()
    (folder / "style.md").write_text("Be exact.")
    assert len({without, brief, key()}) == 3
