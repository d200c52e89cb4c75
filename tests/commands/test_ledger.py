"""`workbench ledger` lists studies, scores and trials, and makes the ledger again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine
from tests.support.ledger import trial
from tests.support.run_folder import begin, ended
from workbench.commands.ledger import list_studies, rebuild, scores, trials
from workbench.errors import LedgerRefused, RunNotFound


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("WORKBENCH_LEDGER_URL", raising=False)
    return tmp_path / "home"


def result(home: Path) -> Any:
    return json.loads((home.parent / "result.json").read_text())


def test_the_studies_are_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first question makes the ledger."""
    file = home.parent / "result.json"
    assert list_studies(json_file=file) == 0
    assert "there are no runs yet" in capsys.readouterr().out
    assert result(home) == []
    ended(home)
    rebuild()
    capsys.readouterr()
    assert list_studies(json_file=file) == 0
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == "study kind models runs trials executions verdicts proposals cost last run".split()
    assert row.split() == "study_one search real 1 7 0 0 0 $0.00 1970-01-01 00:00".split()
    assert [(study["study"], study["trials"]) for study in result(home)] == [("study_one", 7)]


def test_the_scores_of_the_prompt_in_use_are_listed(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line for each run that measured it, with commit and champion."""
    ended(home, name="a", started=1.0, commit="1234567890abcdef")
    ended(home, name="b", started=2.0, champion=2, rehearsal="default:0")
    file = home.parent / "result.json"
    assert scores("study_one", json_file=file) == 0
    _, first, second = capsys.readouterr().out.splitlines()
    assert "1234567890ab  starting prompt  3.10   2.7 to 3.5 (90%)       3  a" in first
    assert second.endswith("3  b, rehearsal")
    assert [(score["run"], score["commit"], score["champion"]) for score in result(home)] == [
        ("a", "1234567890abcdef", None),
        ("b", None, 2),
    ]
    (home.parent / "mine.yaml").write_text("study: study_one\n")
    assert scores(str(home.parent / "mine.yaml"), json_file=file) == trials(str(home.parent / "mine.yaml")) == 0
    assert [score["run"] for score in result(home)] == ["a", "b"]


def test_a_name_that_no_run_has_is_refused_with_the_known_names(home: Path) -> None:
    """A study file may have no run yet. A name without a run is a slip."""
    ended(home)
    (home.parent / "mine.yaml").write_text("study: another\n")
    for question in (scores, trials):
        with pytest.raises(RunNotFound, match=r'"study_on" .* are: study_one; did you mean "study_one"'):
            question("study_on")
        assert question(str(home.parent / "mine.yaml")) == 0


def test_trials_are_listed_over_all_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing in a model's words is markup. The JSON has the whole reason."""
    reason = f"[bold]no markup[/bold] \x1b[31m{'long ' * 40}"
    run = begin(home)
    trial(run, 0)
    trial(run, 1_000_002, reason=reason)
    file = home.parent / "result.json"
    assert trials("study_one", limit=1, json_file=file) == 0
    _, row = capsys.readouterr().out.splitlines()
    assert "confirm 2" in row
    assert "[bold]no markup[/bold] \N{REPLACEMENT CHARACTER}[31mlong" in row
    assert [one["reason"] for one in result(home)] == [reason]
    assert all(isinstance(one["models"], dict) for one in result(home))


def test_a_rebuild_says_what_it_did(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the same, for scripts."""
    file = home.parent / "result.json"
    for name in ("a", "b", "c"):
        trial(begin(home, name=name), 0)
    rebuild()
    shutil.rmtree(home / "runs" / "a")
    (home / "runs" / "b" / "run.json").write_text("{")
    capsys.readouterr()
    assert rebuild(json_file=file) == 0
    printed = capsys.readouterr().out
    assert "left out b: " in printed
    assert "kept 1 run without a folder here; --forget removes them" in printed
    assert f"copied 1 folder with 3 lines into {home / 'ledger.db'}" in printed
    values = result(home)
    assert (values["runs"], values["without_folder"], list(values["unreadable"])) == (["c"], ["a"], ["b"])
    assert rebuild(forget=True, json_file=file) == 0
    assert result(home)["forgot"] is True
    assert "removed 1 run without a folder here" in capsys.readouterr().out


def test_a_wrong_address_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_LEDGER_URL", "nonsense")
    with pytest.raises(LedgerRefused):
        list_studies()


@pytest.mark.processes
def test_the_exit_code_tells_a_wrong_address_from_a_database_that_does_not_answer(line: CommandLine) -> None:
    """It is 2 for a user's mistake, and 3 for a failure of the outside world. Neither message has the password."""
    for address, code in (("mysql://u:geheim@host/x", 2), ("postgresql://u:geheim@127.0.0.1:1/x", 3)):
        ended_command = line.having(WORKBENCH_LEDGER_URL=address).run("ledger")
        assert ended_command.exit_code == code, ended_command.stderr
        assert "Traceback" not in ended_command.stderr
        assert "geheim" not in ended_command.stdout + ended_command.stderr
