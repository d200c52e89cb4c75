"""The study keys of `runtime: pipeline_ex`, and the messages for wrong keys."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.checkout import PIPELINE
from workbench.commands.check import check
from workbench.errors import OutsideError, StudyError, UserError
from workbench.execution.pipeline_ex.study import CheckoutSettings
from workbench.execution.runtime import Needs
from workbench.execution.runtimes import runtime_of
from workbench.nouns import Study, Target
from workbench.study.opening import RunOptions, load
from workbench.study.readiness import examine
from workbench.study.services import needs_of, require_keys, services

LOOP = """\
workflow:
  name: loops
  steps:
    - name: loop
      type: for_loop
      steps: [{name: inner, type: claude, prompt: [{type: static, content: x}]}]
    - {name: last, type: claude_batch, tasks: [{topic: a}], prompt: []}
"""
BATCH = "    - {name: batch, type: claude_batch, prompt: [{type: static, content: x}]}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gold.md").write_text("# Gold\n")
    (tmp_path / "pipeline.yaml").write_text("workflow: {}\n")
    checkout = tmp_path / "own"
    checkout.mkdir()
    (checkout / "mix.exs").write_text("")
    (checkout / "working_genesis.yaml").write_text("workflow: {name: g, steps: [{name: a, type: claude}]}")
    (checkout / "planner.yaml").write_text(PIPELINE)
    (checkout / "loop.yaml").write_text(LOOP + BATCH)
    (checkout / "unnamed_loop.yaml").write_text(LOOP.replace("name: loop", "comment: loop"))
    (checkout / "only_loop.yaml").write_text(LOOP.partition("    - {name: last")[0])
    (checkout / "files.yaml").write_text(f"{PIPELINE}    - {{name: copy, type: file_ops, operation: copy}}\n")
    (checkout / "no_prompt.yaml").write_text("workflow: {name: n, steps: [{name: write, type: claude}]}\n")
    (checkout / "bare.yaml").write_text("name: x\nsteps: []\n")
    return tmp_path


def study(folder: Path, **changes: object) -> Study:
    keys = {
        "study": "s",
        "goals": [{"name": "one", "goal": "write a plan", "gold": "gold.md"}],
        "runtime": "pipeline_ex",
        "checkout": "own",
        "optimizer": "gepa",
        "budget": 12,
        **changes,
    }
    (folder / "study.yaml").write_text(json.dumps({key: value for key, value in keys.items() if value is not None}))
    return load(RunOptions(folder / "study.yaml"))


def test_without_a_target_the_genesis_pipeline_is_executed(folder: Path) -> None:
    """The hash of its file is part of every execution's key."""
    loaded = study(folder)
    assert loaded.pipeline.engine.settings == CheckoutSettings(folder / "own")
    assert loaded.pipeline.file == folder / "own" / "working_genesis.yaml"
    assert len(loaded.pipeline.sha256) == 64


def test_a_target_names_a_step_and_the_step_that_puts_out_the_plan(folder: Path) -> None:
    """The defaults are the step's own output and its first static part."""
    target = {"pipeline": "planner.yaml", "step": "write"}
    loaded = study(folder, target=target)
    assert loaded.pipeline.target == Target("write", "write", 1)
    assert loaded.pipeline.file == folder / "own" / "planner.yaml"
    assert study(folder, target={**target, "output": "polish", "part": 2}).pipeline.target == Target(
        "write", "polish", 2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"checkout": None}, "checkout: this key is missing; runtime: pipeline_ex needs it"),
        ({"checkout": "nowhere"}, 'checkout: "nowhere": there is no mix.exs'),
        ({"checkout": "."}, 'checkout: ".": there is no mix.exs'),
        ({"pipeline": "pipeline.yaml"}, "pipeline: runtime: pipeline_ex does not take this key; the checkout's own"),
        (
            {"inputs": {"code": "gold.md"}},
            "inputs: runtime: pipeline_ex does not take this key; it belongs to runtime: mix or serve",
        ),
        ({"runtime": "mix"}, "pipeline: this key is missing; runtime: mix needs it"),
        (
            {"runtime": "mix", "pipeline": "pipeline.yaml"},
            "checkout: runtime: mix does not take this key; it belongs to runtime: pipeline_ex",
        ),
        ({"runtime": "pipelin_ex"}, 'did you mean "pipeline_ex"?'),
        ({"target": {"step": "write"}}, "target.pipeline: this key is missing"),
        ({"target": {"pipeline": "planner.yaml", "step": "write", "outputs": "x"}}, 'did you mean "output"?'),
        ({"target": {"pipeline": "plan.yaml", "step": "write"}}, 'target.pipeline: "plan.yaml": there is no such file'),
        ({"target": {"pipeline": "bare.yaml", "step": "write"}}, "has no workflow: at its root"),
        ({"target": {"pipeline": "planner.yaml", "step": "wrte"}}, 'one of think, write; did you mean "write"?'),
        ({"target": {"pipeline": "planner.yaml", "step": "polish"}}, '"polish" has no static part'),
        ({"target": {"pipeline": "planner.yaml", "step": "write", "part": 3}}, "has 2 static parts, not 3"),
        ({"target": {"pipeline": "planner.yaml", "step": "write", "output": "polsh"}}, 'did you mean "polish"?'),
        (
            {"target": {"pipeline": "planner.yaml", "step": "write", "output": "think"}},
            '"think" stands before the step',
        ),
        (
            {"target": {"pipeline": "loop.yaml", "step": "inner"}},
            'target.step: "inner" stands within the step "loop", and pipeline_ex saves no answer of such a step as the '
            "plan; expected target.output to name the step that puts out the plan: one of last, batch",
        ),
        (
            {"target": {"pipeline": "unnamed_loop.yaml", "step": "inner"}},
            'target.step: "inner" stands within another step, and pipeline_ex',
        ),
        ({"target": {"pipeline": "loop.yaml", "step": "inner", "output": "loop"}}, "one of last, batch"),
        (
            {"target": {"pipeline": "only_loop.yaml", "step": "inner", "output": "inner"}},
            'target.step: "inner" stands within the step "loop", and pipeline_ex saves no answer of such a step as the '
            'plan; expected a step after the step "loop" that puts out the plan, with its name in target.output; the '
            "pipeline has none",
        ),
        (
            {"target": {"pipeline": "files.yaml", "step": "write", "output": "copy"}},
            'step "copy" cannot put out the plan: a file_ops step saves what it did with files, and no answer of a',
        ),
        (
            {"target": {"pipeline": "no_prompt.yaml", "step": "write"}},
            'target.step: "write" has no static part in its prompt; no step can be named here',
        ),
        (
            {"target": {"pipeline": "loop.yaml", "step": "batch"}},
            'target.step: step "batch" is a claude_batch without tasks',
        ),
    ],
)
def test_a_wrong_key_is_reported_with_its_line_and_the_nearest_word(
    folder: Path, changes: dict[str, object], message: str
) -> None:
    """Each message names what was expected."""
    with pytest.raises(StudyError) as caught:
        study(folder, **changes)
    assert message in str(caught.value)
    assert "study.yaml:1:" in str(caught.value)


def test_an_output_that_the_prompt_cannot_change_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The study is not refused. `check` writes a note, and the JSON has it."""
    (folder / "own" / "apart.yaml").write_text(
        f"{PIPELINE}    - {{name: apart, type: gemini, prompt: [{{type: static, content: Write.}}]}}\n"
    )
    target = {"pipeline": "apart.yaml", "step": "write", "output": "apart"}
    study(folder, target=target)
    assert check(folder / "study.yaml", json_file=folder / "check.json") == 0
    note = json.loads((folder / "check.json").read_text())["no_influence"]
    assert note.startswith('target.output: step "apart" takes in nothing of step "write"')
    assert note in " ".join(capsys.readouterr().err.split())
    loaded = study(folder, target={**target, "output": "write"})
    assert runtime_of(loaded.pipeline.engine).warning(loaded.pipeline) is None


def test_a_checkout_without_the_genesis_pipeline_is_refused(folder: Path) -> None:
    """Without it, pipeline_ex would write plans of its own and report them as generated."""
    (folder / "own" / "working_genesis.yaml").unlink()
    with pytest.raises(StudyError, match=r"no working_genesis\.yaml"):
        study(folder)


def test_the_claude_program_needs_no_key_of_ours(folder: Path) -> None:
    """The claude program has a login of its own. A gemini step needs a key."""
    assert needs_of(study(folder)) == Needs(frozenset({"gemini"}))


def test_what_is_missing_is_told_once_and_without_advice_to_rehearse(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This runtime refuses a rehearsal. Its executions and the judge need the same program, which is checked once."""
    monkeypatch.setenv("PATH", str(tmp_path))
    loaded = study(folder, judge={"model": "claude-program/opus"})
    checks = list(examine(loaded, tmp_path / "home", {"PATH": str(tmp_path)}))
    assert [check.name for check in checks].count("claude program") == 1
    advice = {check.name: check.advice for check in checks if not check.passed}
    assert "npm install" in advice["claude program"]
    assert "GEMINI_API_KEY" in advice["gemini key"]
    assert not [text for text in advice.values() if "--rehearse" in text]
    for keys in ({}, {"GEMINI_API_KEY": "x"}):
        with pytest.raises(OutsideError, match=r"GEMINI_API_KEY|npm install") as caught:
            require_keys(loaded, {"PATH": str(tmp_path), **keys})
        assert "--rehearse" not in str(caught.value)


def test_a_rehearsal_is_refused(folder: Path) -> None:
    """It would ask the claude program, which costs money."""
    with pytest.raises(UserError, match="runtime: mix"), services(study(folder), rehearse=True, environ={}):
        pass


@pytest.mark.parametrize("target", [None, {"pipeline": "working_genesis.yaml", "step": "a"}])
def test_a_pipeline_of_a_checkout_that_cannot_be_read_is_refused(folder: Path, target: object) -> None:
    """It is not taken for a pipeline that names no files. The message names the line."""
    (folder / "own" / "working_genesis.yaml").write_text("workflow:\n  name: g\n  name: h\n")
    with pytest.raises(StudyError, match=r'working_genesis\.yaml.* line 3: the key "name" stands in line 2 too'):
        study(folder, target=target)
