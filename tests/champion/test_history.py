"""The scores of the prompt in use over time: what belongs to a study, and what does not."""

from __future__ import annotations

from pathlib import Path

from tests.support.run_folder import begin, ended
from workbench.champion.history import history
from workbench.run.record import RunRecord


def test_only_runs_of_the_same_study_with_the_same_models_count(tmp_path: Path) -> None:
    """Scripted models are not compared with real ones. Two studies of one name have folders of their own."""
    folder = str(tmp_path / "prompts" / "study_one")
    first = ended(tmp_path, name="first", started=1.0, champions=folder, commit="a")
    ended(tmp_path, name="second", started=2.0, champions=folder, commit="b", champion=2)
    ended(tmp_path, name="rehearsed", champions=folder, rehearsal="default:0")
    ended(tmp_path, name="elsewhere", champions=str(tmp_path / "other" / "study_one"))
    ended(tmp_path, name="another", champions=folder, study="another")
    begin(tmp_path, name="unfinished", champions=folder)
    measured = history(tmp_path, first.load(RunRecord))
    assert [(one.run, one.commit, one.champion, one.occasion) for one in measured] == [
        ("first", "a", None, "search"),
        ("second", "b", 2, "search"),
    ]
    assert measured[0].level == 0.9


def test_a_damaged_folder_does_not_hide_the_others(tmp_path: Path) -> None:
    """The same holds for a damaged file of requalifications."""
    folder = str(tmp_path / "prompts" / "study_one")
    run = ended(tmp_path, name="first", champions=folder)
    ended(tmp_path, name="damaged", champions=folder).write("trials.jsonl", "{\n")
    damaged = tmp_path / "requalified" / "x" / "qualifications.jsonl"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{\n")
    assert [one.run for one in history(tmp_path, run.load(RunRecord))] == ["first"]


def test_a_run_of_an_old_version_has_no_history(tmp_path: Path) -> None:
    """It does not say where its champions are."""
    assert history(tmp_path, ended(tmp_path).load(RunRecord)) == []
