"""`workbench runs` lists every run."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.support.command_line import WORKBENCH, CommandLine, CommandResult
from tests.support.rights import without_roots_rights
from tests.support.run_folder import add, begin, ended, finish
from workbench.commands.runs import COLUMNS, list_runs, prune
from workbench.errors import RunNotFound
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.run.folder import RunFolder
from workbench.run.journal import CallRecord


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def listed(home: Path, study: str | None = None) -> list[dict[str, object]]:
    file = home.parent / "runs.json"
    assert list_runs(study, json_file=file) == 0
    rows: list[dict[str, object]] = json.loads(file.read_text())
    return rows


def test_a_finished_run_is_listed_with_its_scores(home: Path) -> None:
    """The line has the columns that scripts rely on."""
    folder = begin(home)
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", (3.0, 3.2, 3.1), (7.9, 8.1, 8.3))
    cost = Cost.of([ModelCost("gemini/gemini-3.8-flash", 1, Tokens(input=1), 0.125)])
    folder.append(CallRecord(action="execute", key="k", kind="ok", seconds=1.0, at=1.0, cost=cost))
    (row,) = listed(home)
    assert tuple(row) == COLUMNS
    assert (row["study"], row["baseline"], row["best"], row["state"]) == ("study_one", 3.1, 8.1, "done")
    assert row["cost"] == 0.125
    assert listed(home, "study_one") == [row]
    (home.parent / "mine.yaml").write_text("study: study_one\n")
    assert listed(home, str(home.parent / "mine.yaml")) == [row]


def test_a_name_that_no_run_has_is_refused_with_the_known_names(home: Path) -> None:
    """A study file may have no run yet. A name without a run is a slip."""
    with pytest.raises(RunNotFound, match="the studies with runs are: none that can be read"):
        listed(home, "study_on")
    begin(home)
    with pytest.raises(RunNotFound, match=r'"study_on" .* are: study_one; did you mean "study_one"'):
        listed(home, "study_on")
    (home.parent / "mine.yaml").write_text("study: another\n")
    assert listed(home, str(home.parent / "mine.yaml")) == []


def test_a_damaged_run_does_not_hide_the_others(home: Path) -> None:
    """Its state says what is wrong."""
    begin(home)
    RunFolder.create(home, "20270101-000000-broken").write("run.json", "{")
    broken, intact = listed(home)
    assert str(broken["state"]).startswith("unreadable: ")
    assert intact["state"] == "interrupted"


def test_without_runs_the_list_is_empty(home: Path) -> None:
    assert listed(home) == []


def test_pruning_says_what_it_removed_and_what_it_kept(home: Path) -> None:
    """The JSON has the same, for scripts."""
    file = home.parent / "pruned.json"
    old, new = ended(home, name="a", started=1.0), ended(home, name="b", started=2.0)
    for dry_run in (True, False):
        assert prune(dry_run=dry_run, json_file=file) == 0
        result = json.loads(file.read_text())
        assert (result["dry_run"], result["removed"]) == (dry_run, [old.name])
        assert result["kept"] == {new.name: "the newest run of its study"}
        assert result["bytes"] > 0
        assert old.path.exists() == dry_run
    assert [row["run"] for row in listed(home)] == ["b"]


def test_no_name_of_a_run_is_cut_off(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """This holds for a narrow terminal, too."""
    folder = begin(home, study="a_study_with_a_name_that_is_longer_than_most_names_of_studies_are")
    finish(folder, "second", (3.0, 3.2, 3.1), (7.9, 8.1, 8.3))
    assert list_runs() == 0
    header, row = capsys.readouterr().out.rstrip("\n").split("\n")
    assert header.split() == list(COLUMNS)
    assert row.split() == [
        folder.name, "a_study_with_a_name_that_is_longer_than_most_names_of_studies_are", "1970-01-01", "00:00", "gepa",
        "3.10", "8.10", "$0.00", "–", "–", "done",
    ]  # fmt: skip


@pytest.mark.processes
def test_a_folder_that_nobody_may_look_into_does_not_hide_the_others(tmp_path: Path) -> None:
    """`sudo workbench run` leaves such a folder. No answer is removed, because nobody can tell what its run needs."""
    line = CommandLine(tmp_path)
    ended(tmp_path, name="20260101-open", started=time.time())
    locked = begin(tmp_path, name="20260102-locked")
    answer = tmp_path / "results" / "execute" / "key"
    answer.parent.mkdir(parents=True)
    answer.write_text("{}")
    locked.path.chmod(0)
    try:
        results = {words: _without_roots_rights(line, *words.split()) for words in LOOKING}
    finally:
        locked.path.chmod(0o700)
    assert {words: result.exit_code for words, result in results.items()} == dict.fromkeys(LOOKING, 0) | {
        CACHE_PRUNE: 2
    }
    assert "unreadable: " in results["runs"].stdout
    assert "20260101-open" in results["show latest"].stdout
    assert "left out 20260102-locked: " in results["ledger rebuild"].stdout
    assert "kept 20260102-locked: its folder cannot be read" in results["runs prune"].stdout
    assert (
        "20260102-locked cannot be read, so nobody can tell which answers its run needs" in results[CACHE_PRUNE].stderr
    )
    assert answer.exists()


CACHE_PRUNE = "cache prune --older-than 0"
LOOKING = ("runs", "show latest", "ledger rebuild", "runs prune", CACHE_PRUNE)


def _without_roots_rights(line: CommandLine, *arguments: str) -> CommandResult:
    """Run `workbench` as a user who may not open every folder."""
    program, *options = [*without_roots_rights(), WORKBENCH]
    return line.run(*options, *arguments, program=Path(program))
