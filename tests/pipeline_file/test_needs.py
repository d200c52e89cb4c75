"""What a pipeline file needs is found before it is executed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.study.test_loader import GOOD, folder, study
from workbench.errors import PipelineUnreadable, StudyError, UserError
from workbench.nouns import ExecutionRequest, Goal, Study
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import read
from workbench.pipeline_file.parsers import FAST_YAML, PLACES, YAMERL, Parser
from workbench.study.opening import RunOptions, load
from workbench.study.services import needs_of, services

__all__ = ["folder"]

HARD = Path(__file__).parents[1] / "data" / "pipelines_hard"
#: Words that PyYAML takes for a date, a number or an operator, and then makes no value of.
NO_VALUES = ["=", "0000-00-00", "2026-06-31", "2026-13-01 00:00:00", "0b_", "0x_", "-0b_", "1:2_", "0o_", "<<"]

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
    """A file that two steps read is listed once. An input of the study is no file of the pipeline."""
    root = read(STEPS, FAST_YAML)
    assert needs.files(root) == ["deep/more.md", "style.md"]
    assert needs.providers(root) == {"anthropic", "gemini"}


def test_the_claude_program_needs_no_key() -> None:
    """It has a login of its own."""
    assert needs.providers(read("a: {type: claude, via: program}", FAST_YAML)) == set()
    assert needs.programs(read(STEPS, FAST_YAML))
    assert not needs.programs(read("a: {type: claude, via: api}", FAST_YAML))


@pytest.mark.parametrize("parser", [FAST_YAML, YAMERL, PLACES])
@pytest.mark.parametrize("word", NO_VALUES)
def test_a_word_that_pyyaml_cannot_convert_hides_no_need(word: str, parser: Parser) -> None:
    """The runtimes take each of these words for a text."""
    root = read(STEPS.replace("  name: two\n", f"  name: two\n  version: {word}\n"), parser)
    assert needs.files(root) == ["deep/more.md", "style.md"]
    assert needs.providers(root) == {"anthropic", "gemini"}
    assert needs.programs(root)


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "a: &a [*a]", "a: \x00", "[" * 200, "a: 1\n---\nb: 2\n", "word"])
@pytest.mark.parametrize("parser", [FAST_YAML, YAMERL, PLACES])
def test_a_pipeline_that_cannot_be_read_is_refused(text: str, parser: Parser) -> None:
    """It is never taken for a file that needs nothing."""
    with pytest.raises(PipelineUnreadable):
        read(text, parser)


def test_a_number_as_a_path_counts_as_a_path() -> None:
    """One file too many costs nothing. A part without a path names no file."""
    assert needs.files(read("type: file\npath: 3", FAST_YAML)) == ["3"]
    assert needs.files(read("a: [{type: file}, {type: file, path: }]", FAST_YAML)) == []


def test_a_changed_file_of_the_pipeline_changes_the_executions_key(folder: Path) -> None:
    """Otherwise the old plan would be used for the new file."""
    (folder / "pipeline.yaml").write_text("workflow: {steps: [{prompt: [{type: file, path: style.md}]}]}\n")
    without = key(study(folder, GOOD))
    (folder / "style.md").write_text("Be brief.")
    brief = key(study(folder, GOOD))
    (folder / "style.md").write_text("Be exact.")
    assert len({without, brief, key(study(folder, GOOD))}) == 3


def key(study: Study) -> str:
    pipeline = replace(study.pipeline, version="1")
    return ExecutionRequest("prompt", Goal("g", "goal", ("gold",)), 0, pipeline, ()).key


@pytest.fixture
def hard(tmp_path: Path) -> Path:
    return Path(shutil.copytree(HARD, tmp_path / "hard"))


def test_a_changed_file_of_a_hard_pipeline_buys_new_executions(hard: Path) -> None:
    """PyYAML makes no value of the pipeline's `version: =`."""
    before = load(RunOptions(hard / "study_eq.yaml"))
    assert [item.name for item in before.pipeline.files] == ["style.md"]
    (hard / "style.md").write_text("Use short sentences.")
    assert key(load(RunOptions(hard / "study_eq.yaml"))) != key(before)
    assert "gemini" in needs_of(before).providers


@pytest.mark.parametrize("word", ["0000-00-00", "=", "1"])
def test_a_rehearsal_of_the_claude_program_is_refused(hard: Path, word: str) -> None:
    """It would start the real program. Nothing is started and no provider is handed out before the refusal."""
    pipeline = hard / "pipeline_prog.yaml"
    pipeline.write_text(pipeline.read_text().replace("0000-00-00", word))
    study = load(RunOptions(hard / "study_prog.yaml"))
    with pytest.raises(UserError, match="via: program"), services(study, rehearse=True, environ={}):
        raise AssertionError("a rehearsal began")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("  version: =", "  version: [", 'pipeline_eq.yaml" is no pipeline file: line 5: did not find expected'),
        ("  version: =", "  name: again", 'line 3: the key "name" stands in line 2 too: take one out'),
        ("  version: =", "  <<: {a: b}", "line 3: the merge key << is not supported"),
        ("  version: =", "  version: &v 1", "line 3: the anchor &v is not supported"),
        ("  version: =", "  version: *v", "line 3: the alias *v is not supported"),
        ("  version: =", "  version: !ruby/x 1", "line 3: the tag !ruby/x is not supported"),
        ("workflow:", "--- {a: b}\n---\nworkflow:", "line 2: a second YAML document begins here"),
        ("  version: =", "  version: " + "[" * 70 + "]" * 70, "line 3: nested more than 64 levels deep"),
    ],
)
def test_a_study_whose_pipeline_is_not_read_for_certain_is_refused(
    hard: Path, old: str, new: str, message: str
) -> None:
    """The message names the study's line, the pipeline and its line."""
    pipeline = hard / "pipeline_eq.yaml"
    pipeline.write_text(pipeline.read_text().replace(old, new, 1))
    with pytest.raises(StudyError) as caught:
        load(RunOptions(hard / "study_eq.yaml"))
    assert str(caught.value).startswith(f'{hard / "study_eq.yaml"}:6: pipeline: "pipeline_eq.yaml" is no pipeline file')
    assert message in str(caught.value)


def test_a_pipeline_that_was_spoiled_after_the_study_was_read_is_refused(hard: Path) -> None:
    """The message names file and line. The file is not taken for a pipeline that needs no keys."""
    study = load(RunOptions(hard / "study_eq.yaml"))
    file = study.pipeline.file
    assert file is not None
    file.write_text("workflow:\n  steps: [\n")
    with pytest.raises(StudyError, match=r"pipeline_eq\.yaml:3: did not find"):
        needs_of(study)
    file.write_bytes(b"workflow: \xff")
    with pytest.raises(StudyError, match=r"pipeline_eq\.yaml: the pipeline file cannot be read"):
        needs_of(study)
