"""The keys of a study that has the user's own checkout executed, and what is said of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.checkout import PIPELINE
from workbench.errors import StudyError, UserError
from workbench.execution.pipeline_ex.study import CheckoutSettings
from workbench.execution.runtime import Needs
from workbench.nouns import Study, Target
from workbench.study.opening import RunOptions, load
from workbench.study.services import needs_of, services

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
    own = tmp_path / "own"
    own.mkdir()
    (own / "mix.exs").write_text("")
    (own / "working_genesis.yaml").write_text("workflow: {name: g, steps: [{name: a, type: claude}]}")
    (own / "planner.yaml").write_text(PIPELINE)
    (own / "loop.yaml").write_text(LOOP + BATCH)
    (own / "bare.yaml").write_text("name: x\nsteps: []\n")
    return tmp_path


def study(folder: Path, **changes: object) -> Study:
    said = {
        "study": "s",
        "goals": [{"name": "one", "goal": "write a plan", "gold": "gold.md"}],
        "runtime": "pipeline_ex",
        "checkout": "own",
        "optimizer": "gepa",
        "budget": 12,
        **changes,
    }
    (folder / "study.yaml").write_text(json.dumps({key: value for key, value in said.items() if value is not None}))
    return load(RunOptions(folder / "study.yaml"))


def test_without_a_target_the_genesis_pipeline_is_executed(folder: Path) -> None:
    """It stands in every execution's key."""
    found = study(folder)
    assert found.pipeline.engine.settings == CheckoutSettings(folder / "own")
    assert found.pipeline.file == folder / "own" / "working_genesis.yaml"
    assert len(found.pipeline.sha256) == 64


def test_a_target_is_a_step_and_where_its_plan_comes_out(folder: Path) -> None:
    """By default that step's own output, and its first static part."""
    target = {"pipeline": "planner.yaml", "step": "write"}
    found = study(folder, target=target)
    assert found.pipeline.target == Target("write", "write", 1)
    assert found.pipeline.file == folder / "own" / "planner.yaml"
    assert study(folder, target={**target, "output": "polish", "part": 2}).pipeline.target == Target(
        "write", "polish", 2
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checkout": None}, "checkout: this key is missing; runtime: pipeline_ex needs it"),
        ({"checkout": "nowhere"}, 'checkout: "nowhere": there is no mix.exs'),
        ({"checkout": "."}, 'checkout: ".": there is no mix.exs'),
        ({"pipeline": "pipeline.yaml"}, "pipeline: runtime: pipeline_ex does not take this key; its own"),
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
            'target.step: "inner" stands within another step, and pipeline_ex saves no output of such steps; expected '
            "target.output to name the step that puts out the plan: one of last, batch",
        ),
        (
            {"target": {"pipeline": "loop.yaml", "step": "batch"}},
            'target.step: step "batch" is a claude_batch without tasks',
        ),
    ],
)
def test_what_is_wrong_is_said_with_the_nearest_word(folder: Path, changes: dict[str, object], words: str) -> None:
    """And with the line of it."""
    with pytest.raises(StudyError) as caught:
        study(folder, **changes)
    assert words in str(caught.value)
    assert "study.yaml:1:" in str(caught.value)


def test_a_checkout_without_the_genesis_pipeline_is_refused(folder: Path) -> None:
    """pipeline_ex would make plans of its own, and say that they are generated."""
    (folder / "own" / "working_genesis.yaml").unlink()
    with pytest.raises(StudyError, match=r"no working_genesis\.yaml"):
        study(folder)


def test_the_claude_program_needs_no_key_of_ours(folder: Path) -> None:
    """It has its own login; a gemini step has none."""
    assert needs_of(study(folder)) == Needs(frozenset({"gemini"}))


def test_a_rehearsal_cannot_stand_in_for_the_claude_program(folder: Path) -> None:
    """Which would be asked, and paid."""
    with pytest.raises(UserError, match="runtime: mix"), services(study(folder), rehearse=True, environ={}):
        pass


@pytest.mark.parametrize("target", [None, {"pipeline": "working_genesis.yaml", "step": "a"}])
def test_a_pipeline_of_a_checkout_that_cannot_be_read_is_refused(folder: Path, target: object) -> None:
    """It is not taken for one that names no files, and the message names its line."""
    (folder / "own" / "working_genesis.yaml").write_text("workflow:\n  name: g\n  name: h\n")
    with pytest.raises(StudyError, match=r'working_genesis\.yaml.* line 3: the key "name" stands in line 2 too'):
        study(folder, target=target)
