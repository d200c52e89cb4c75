"""Tests of `workbench champion`: each verb says what it did, and writes JSON for scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import study
from tests.support.commits import Commits
from tests.support.run_folder import NAME, ended
from workbench.apply.record import AppliedRecord, delete_applied, find_applied, record_folder, save_applied
from workbench.apply.status import Head
from workbench.commands.app import app
from workbench.commands.apply import apply
from workbench.commands.champion import diff, list_, promote, rollback, show
from workbench.errors import ChampionNotFound, NotApplied, RunNotFound
from workbench.ledger.marks import unmark
from workbench.run.folder import RunFolder
from workbench.study.opening import RunOptions, champions_of, load

KEYS = set("study number run date score low high level baseline commit models reason rehearsal text file".split())


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a study file, with a run that found a better prompt."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    study_file = study(tmp_path / "study", study="study_one", prompt="Write the plan.")
    ended(tmp_path / "home", study_file=str(study_file))
    return study_file


def written(file: Path, command: Any, *arguments: Any, **options: Any) -> Any:
    """Return the JSON of a command that succeeded."""
    output = file.with_name("output.json")
    assert command(file, *arguments, json_file=output, **options) == 0
    return json.loads(output.read_text())


def test_before_a_promotion_the_starting_prompt_is_shown(file: Path) -> None:
    shown = written(file, show)
    assert set(shown) >= KEYS
    assert (shown["number"], shown["file"], shown["text"]) == (1, None, "Write the plan.")
    assert [champion["number"] for champion in written(file, list_)] == [1]
    with pytest.raises(ChampionNotFound, match="no champion before champion 1"):
        diff(file)


def test_the_list_is_whole_in_a_narrow_terminal(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run whose name is cut off cannot be named, and a column that is missing tells nothing."""
    promote(file, force=True, reason="a reason that is longer than what is left of a line of eighty characters")
    capsys.readouterr()
    list_(file)
    header, _, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["number", "date", "score", "baseline", "run", "commit", "reason"]
    assert f"  {NAME}  " in second
    assert "of a line of eighty characters (+" in second


def test_the_list_marks_scores_of_rehearsals(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a score proves nothing, also in a list."""
    shutil.rmtree(tmp_path / "home" / "runs")
    ended(tmp_path / "home", study_file=str(file), rehearsal="default:0")
    promote(file, force=True, reason="test")
    capsys.readouterr()
    list_(file)
    assert "  8.10 in a rehearsal  3.10      " in capsys.readouterr().out.splitlines()[2]


@pytest.fixture
def clone(file: Path, tmp_path: Path) -> Commits:
    """Return a clone of a repository with a study and its champion, which was measured in another folder."""
    (tmp_path / "home" / "runs" / NAME / "pipeline.yaml").write_bytes(file.with_name("pipeline.yaml").read_bytes())
    promote(file)
    clone = Commits.begin(tmp_path / "clone")
    shutil.move(file.parent, clone.folder / "studies")
    clone.git("config", "user.name", "t")
    clone.git("config", "user.email", "t@example.org")
    clone.commit()
    return clone


def applied_to(clone: Commits, **options: Any) -> Any:
    """Apply the champion in the clone, and return the result as JSON."""
    output = clone.folder.parent / "applied.json"
    assert apply(champion=clone.folder / "studies" / "study.yaml", json_file=output, **options) == 0
    return json.loads(output.read_text())


def test_a_champion_is_applied_to_the_pipeline_of_the_named_study(clone: Commits) -> None:
    """The run was measured on another machine, where the study was in another folder."""
    applied = applied_to(clone, dry_run=True)
    assert applied["file"] == str(clone.folder / "studies" / "pipeline.yaml")
    assert "+            Order the stages.\n" in applied["diff"]


def test_the_json_on_standard_output_is_all_that_is_there(clone: Commits, capfd: pytest.CaptureFixture[str]) -> None:
    """A program reads it. The change itself is on standard error, for a person."""
    study_file = clone.folder / "studies" / "study.yaml"
    for command in (partial(apply, champion=study_file, dry_run=True), partial(diff, study_file)):
        capfd.readouterr()
        assert command(json_file=Path("/dev/stdout")) == 0
        printed = capfd.readouterr()
        assert json.loads(printed.out)["diff"].split("\n")[0] in printed.err.split("\n")


def test_a_champion_is_applied_without_the_folder_of_its_run(
    clone: Commits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clone of the repository has all that is needed. The change and the way back are the same as with the folder."""
    expected, main = applied_to(clone, dry_run=True)["diff"], clone.head
    shutil.rmtree(tmp_path / "home" / "runs")
    assert applied_to(clone)["diff"] == expected
    assert f"the folder of the run {NAME} is not on this machine" in capsys.readouterr().err
    subject, result, *_, trailer = clone.git("show", "-s", "--format=%B").split("\n\n")
    assert subject == "Put champion 2 of study study_one into step write_plan"
    assert result.startswith(
        "The champion scores 8.10 (7.7 to 8.5, 90%), and the prompt that it was compared with 3.10: better than"
    )
    assert trailer == f"Run: {NAME}\nChampion: 2"
    clone.git("checkout", "-q", "main")
    with pytest.raises(NotApplied, match=rf"already applied .+ workbench apply {NAME} --revert takes it back"):
        applied_to(clone)
    clone.git("checkout", "-q", f"workbench/{NAME}")
    # A record for each of two runs: the name tells which of them is meant.
    other = AppliedRecord(repository=tmp_path, name="x", branch="b", commit="c", origin=Head(None, "d"))
    save_applied(record_folder(tmp_path / "home", "20270101-another"), other, b"")
    assert apply(NAME[:8], revert=True) == 0
    assert (clone.head, clone.git("branch", "--show-current")) == (main, "main")
    assert [folder.name for folder in (tmp_path / "home" / "applied").iterdir()] == ["20270101-another"]
    delete_applied(record_folder(tmp_path / "home", "20270101-another"))
    applied_to(clone)
    assert apply(revert=True) == 0
    assert clone.head == main


def test_a_champion_is_applied_in_one_repository_at_a_time(clone: Commits, tmp_path: Path) -> None:
    """A second record would replace the first, and nobody could take the first change back any more."""
    shutil.rmtree(tmp_path / "home" / "runs")
    second = tmp_path / "second"
    clone.git("clone", "-q", str(clone.folder), str(second))
    applied_to(clone)
    study = second / "studies" / "study.yaml"
    with pytest.raises(NotApplied, match=rf"already applied on branch workbench/{NAME} of {clone.folder}, "):
        apply(champion=study)
    shutil.rmtree(clone.folder)
    for name, value in (("name", "t"), ("email", "t@example.org")):
        subprocess.run(["git", "-C", str(second), "config", f"user.{name}", value], check=True)
    assert apply(champion=study) == 0


def test_values_that_a_person_took_out_of_a_champion_are_not_missed(clone: Commits, tmp_path: Path) -> None:
    """The interval is only shown if it is whole."""
    shutil.rmtree(tmp_path / "home" / "runs")
    champion = clone.folder / "studies" / "prompts" / "study_one" / "0002.md"
    lines = [line for line in champion.read_text().splitlines(keepends=True) if not line.startswith("level: ")]
    clone.commit({"studies/prompts/study_one/0002.md": "".join(lines)})
    applied_to(clone)
    assert "The champion scores 8.10, and the prompt that" in clone.git("show", "-s", "--format=%B")


def test_a_name_that_begins_several_applied_runs_is_ambiguous(tmp_path: Path) -> None:
    """The message lists them. A whole name is never ambiguous."""
    for run in ("20270101-a", "20270101-a-b"):
        applied = AppliedRecord(repository=tmp_path, name="x", branch="b", commit="c", origin=Head(None, "d"))
        save_applied(record_folder(tmp_path, run), applied, b"")
    with pytest.raises(RunNotFound, match="2027 begins the names of several applied runs: 20270101-a, 20270101-a-b;"):
        find_applied(tmp_path, "2027")
    assert find_applied(tmp_path, "20270101-a").name == "20270101-a"


def test_the_measured_pipeline_is_looked_up_in_git(
    clone: Commits, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pipeline file has changed since. The changed part stays, and a note says what that means."""
    shutil.rmtree(tmp_path / "home" / "runs")
    pipeline = clone.folder / "studies" / "pipeline.yaml"
    clone.commit({"studies/pipeline.yaml": pipeline.read_text() + "# a comment\n"})
    applied_to(clone)
    assert pipeline.read_text().endswith("# a comment\n")
    assert "the pipeline file changed after it was measured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            "Order the stages.",
            "Order nothing.",
            r"fits the proof in .+0002\.md; expected the prompt, the pipeline file",
        ),
        ("run: ", "rehearsal: default:0\nrun: ", r"fits the proof in .+0002\.md"),
        ("proof: ", "unknown: ", rf"found by the run {NAME}.+no proof.+copy WORKBENCH_HOME/runs/{NAME}"),
    ],
)
def test_a_champion_that_proves_nothing_needs_its_run(
    clone: Commits, tmp_path: Path, old: str, new: str, problem: str
) -> None:
    """Somebody has edited the prompt, or an old version of Workbench has written the file."""
    shutil.rmtree(tmp_path / "home" / "runs")
    champion = clone.folder / "studies" / "prompts" / "study_one" / "0002.md"
    clone.commit({"studies/prompts/study_one/0002.md": champion.read_text().replace(old, new)})
    with pytest.raises((ChampionNotFound, NotApplied), match=problem):
        applied_to(clone)
    assert not (tmp_path / "home" / "applied").exists()


def test_a_promotion_is_shown_listed_compared_and_taken_back(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A promotion says that it changed no pipeline file. The pipeline file is the same as before."""
    pipeline = file.with_name("pipeline.yaml").read_bytes()
    promoted = written(file, promote)
    printed = capsys.readouterr()
    assert f"no pipeline file was changed: workbench apply --champion {file} does that" in printed.err
    assert str(file.parent / "prompts" / "study_one" / "0002.md") in printed.out
    assert set(promoted) >= KEYS
    assert (promoted["number"], promoted["run"], promoted["score"]) == (2, NAME, 8.1)
    assert [champion["number"] for champion in written(file, list_)] == [1, 2]
    assert "text" not in written(file, list_)[0]
    assert written(file, show) == promoted
    assert written(file, show, 1)["text"] == "Write the plan."
    compared = written(file, diff)
    assert (compared["old"], compared["new"]) == (1, 2)
    assert compared["diff"].splitlines()[3:] == ["-Write the plan.", "+Order the stages."]
    back = written(file, rollback, reason="too slow")
    # The first champion is the study's own prompt, which no run has found.
    assert "no pipeline file was changed: workbench apply --revert takes" in capsys.readouterr().err
    assert (back["number"], back["text"], back["reason"]) == (3, "Write the plan.", "rollback from 2 to 1: too slow")
    assert file.with_name("pipeline.yaml").read_bytes() == pipeline


def test_a_study_starts_from_its_champion(file: Path) -> None:
    """The champion is the prompt that a search begins with and compares with."""
    assert (load(RunOptions(file)).prompt, load(RunOptions(file)).champion) == ("Write the plan.", None)
    promote(file)
    loaded = load(RunOptions(file))
    assert (loaded.prompt, loaded.champion) == ("Order the stages.", 2)
    elsewhere = load(RunOptions(file, prompts=file.parent / "elsewhere"))
    assert (elsewhere.prompt, elsewhere.champion) == ("Write the plan.", None)
    assert champions_of(elsewhere).current().file is None


@pytest.mark.parametrize(("ledger", "marks"), [("", 0), ("geheim", 1)])
def test_a_promotion_that_the_ledger_did_not_take_is_copied_later(
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    ledger: str,
    marks: int,
) -> None:
    """The run stays marked for the next copy. The promotion itself is made."""
    monkeypatch.setenv("WORKBENCH_LEDGER_URL", ledger)
    assert written(file, promote)["number"] == 2
    run = RunFolder(tmp_path / "home" / "runs" / NAME)
    assert len(list(run.path.glob("uncopied.*"))) == marks
    unmark(run)
    assert ("workbench ledger, copies what is missing" in capsys.readouterr().err) == bool(marks)


def test_only_runs_of_the_study_are_promoted_by_default(file: Path) -> None:
    """Without a name, the latest run of this study is meant."""
    file.write_text(file.read_text().replace("study_one", "another"))
    with pytest.raises(RunNotFound, match="there are no runs of another"):
        promote(file)


def test_the_command_line_knows_the_verbs() -> None:
    """The names are an interface for scripts."""
    names = {name for name in app["champion"] if not name.startswith("-")}
    assert names == {"show", "list", "diff", "promote", "rollback"}
