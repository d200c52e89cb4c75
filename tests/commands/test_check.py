"""`workbench check` refuses what a run could not use."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import study
from tests.support.command_study import study as program
from workbench.commands.check import check
from workbench.errors import PipelineRejected, UserError
from workbench.study.opening import RunOptions, load
from workbench.study.readiness import require_accepted

#: A pipeline that needs one input, and takes another.
PIPELINE = """\
workflow:
  name: w
  steps:
    - name: a
      type: gemini
      prompt:
        - {type: variable, name: user_prompt}
        - {type: file, input: code}
        - {type: file, input: notes, optional: true}
"""


def test_a_storage_of_answers_that_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RESULTS", "/srv/results")
    with pytest.raises(UserError, match="WORKBENCH_RESULTS=/srv/results is no bucket"):
        check(study(tmp_path))


def test_every_note_of_check_is_in_the_json_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Too few pairs decide nothing, and held-out gold plans decide in the confirmation."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    goals = [{"name": "only", "goal": "Write the plan", "gold": ["gold.md", "second.md"]}]
    (tmp_path / "second.md").write_text("Another plan.")
    file = program(tmp_path, "cat", "{prompt_file}", goals=goals, confirm=3).file
    assert check(file, json_file=tmp_path / "check.json") == 0
    value, notes = json.loads((tmp_path / "check.json").read_text()), " ".join(capsys.readouterr().err.split())
    assert value["too_few_pairs"].startswith("confirm: 3 pairs cannot tell a better prompt from chance")
    assert value["held_out_gold"].endswith("only (the last 1 of 2 gold plans)")
    assert value["too_few_pairs"] in notes
    assert value["held_out_gold"] in notes


@pytest.mark.processes
@pytest.mark.parametrize(
    ("pipeline", "inputs", "words"),
    [
        (PIPELINE, ["code"], None),
        (PIPELINE, ["code", "cdoe"], 'takes no input "cdoe"; it takes code, notes'),
        (PIPELINE, [], 'needs the input "code"'),
        (PIPELINE.replace("gemini", "gemni"), ["code"], 'mine.yaml:5: steps[0].type: "gemni" is not known'),
    ],
)
def test_a_pipeline_or_an_input_that_the_runtime_refuses_is_refused(
    tmp_path: Path, pipeline: str, inputs: list[str], words: str | None
) -> None:
    """The runtime decides, without a key. A run would execute nothing with such a study."""
    (tmp_path / "mine.yaml").write_text(pipeline)
    (tmp_path / "input.txt").write_text("text")
    loaded = load(RunOptions(study(tmp_path, pipeline="mine.yaml", inputs=dict.fromkeys(inputs, "input.txt"))))
    if words is None:
        assert require_accepted(loaded) is None
    else:
        with pytest.raises(PipelineRejected) as caught:
            require_accepted(loaded)
        assert words in str(caught.value)
        assert "correct the pipeline file or the study" in str(caught.value)


def test_without_the_runtime_the_pipeline_is_not_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the study is checked, and a note says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    note = require_accepted(load(RunOptions(study(tmp_path))))
    assert (note or "").startswith("the pipeline file was not checked, because the runtime cannot be started (")
