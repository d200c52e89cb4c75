"""The study that `workbench init` writes can be loaded and shows every key."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.study.test_loader import folder
from workbench.errors import UserError
from workbench.execution.runtimes import DEFAULT_RUNTIME, SHIPPED_PIPELINE
from workbench.fields import key_names
from workbench.study.form import form_of
from workbench.study.new import name_for, pipeline_copy, starter_study
from workbench.study.opening import RunOptions, load

__all__ = ["folder"]


def test_every_key_of_the_default_runtime_is_shown(folder: Path) -> None:
    """Required keys have values. Optional keys are comments that show the defaults."""
    text = starter_study("small", "Write the plan", folder / "gold.md", folder / "pipeline.yaml")
    for key in key_names(form_of(DEFAULT_RUNTIME)):
        assert f"\n{key}:" in text or f"\n# {key}:" in text
    (folder / "packed.xml").write_text("<code/>")
    (folder / "study.yaml").write_text(text)
    short = load(RunOptions(folder / "study.yaml"))
    lines = [
        # A line of prose ends with a full stop. It may consist of one small word.
        line[2:] if line.startswith("# ") and line[2:].partition(":")[0].islower() and line[-1] != "." else line
        for line in text.split("\n")
    ]
    (folder / "study.yaml").write_text("\n".join(lines))
    long = load(RunOptions(folder / "study.yaml"))
    assert long.pipeline.inputs
    assert (long.judge, long.proposer, long.concurrency) == (short.judge, short.proposer, short.concurrency)


def test_no_comment_spells_a_value_with_a_capital_letter(folder: Path) -> None:
    """Somebody may copy the value from the comment, and a study accepts no other spelling."""
    comments = starter_study("small", "Write the plan", folder / "gold.md", folder / "pipeline.yaml")
    fields = form_of(DEFAULT_RUNTIME).model_fields.values()
    values = {
        value for field in fields if get_origin(field.annotation) is Literal for value in get_args(field.annotation)
    }
    assert "before_first_run" in values
    assert not [value for value in values if f"# {value.capitalize()}:" in comments]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=200).filter(lambda text: text.strip() and text.isprintable()))
def test_a_new_study_can_be_loaded(folder: Path, goal: str) -> None:
    """This holds for every text of the goal."""
    (folder / "study.yaml").write_text(
        starter_study("small", goal, folder / "gold.md", folder / "pipeline.yaml"), encoding="utf-8"
    )
    assert load(RunOptions(folder / "study.yaml")).goals[0].text == goal.strip()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("billing/study.yaml", "billing"),
        ("billing/oban jobs.yaml", "oban-jobs"),
        ("Büro (neu)/study.yaml", "Buro-neu"),
        ("2026/study.yaml", "2026"),
        ("計画/study.yaml", "study"),
        ("/study.yaml", "study"),
        ("a/.hidden.yaml", "hidden"),
        ("billing/old/../study.yaml", "billing"),
        (f"{'x' * 59}-y/study.yaml", "x" * 59),
        (f"{'x' * 200}/study.yaml", "x" * 60),
    ],
)
def test_a_new_study_is_named_after_its_folder_or_file(folder: Path, file: str, name: str) -> None:
    """The ledger would add the costs of two studies of one name. The name is a text, even if it consists of digits."""
    assert name_for(Path(file)) == name
    (folder / "study.yaml").write_text(starter_study(name, "Plan", folder / "gold.md", folder / "pipeline.yaml"))
    study = load(RunOptions(folder / "study.yaml"))
    assert (study.name, study.goals[0].name) == (name, name)


def test_a_new_study_gets_its_own_copy_of_the_pipeline(tmp_path: Path) -> None:
    """A prompt that is applied to it changes no other study. No file of the user is overwritten or deleted."""
    with pipeline_copy(tmp_path / "study.yaml") as first, pipeline_copy(tmp_path / "other.yaml") as again:
        assert (first, first.read_bytes()) == (again, SHIPPED_PIPELINE.read_bytes())
    with pytest.raises(RuntimeError), pipeline_copy(tmp_path / "other.yaml"):
        raise RuntimeError
    first.write_text("mine")
    with pytest.raises(RuntimeError), pipeline_copy(tmp_path / "study.yaml") as second:
        assert second == tmp_path / "genesis.yaml"
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["pipeline.yaml"]
    with pytest.raises(UserError, match=r"pipeline\.yaml exists"), pipeline_copy(tmp_path / "genesis.yaml"):
        pass
