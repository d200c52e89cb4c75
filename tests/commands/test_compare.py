"""Tests of `workbench compare`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.run_folder import begin, ended
from workbench.commands.compare import compare
from workbench.errors import RunNotFound


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_two_runs_are_compared(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output has prompts, scores with intervals, executions, and the difference with its interval."""
    file = home.parent / "compared.json"
    ended(home, name="a", text="One.\nTwo.")
    ended(home, (5.0, 5.1, 5.2), name="b", text="One.\nThree.")
    assert compare("a", "b", json_file=file) == 0
    printed = capsys.readouterr().out
    assert "-Two.\n+Three." in printed
    rows = {line[:14].rstrip(): line[14:].split() for line in printed.splitlines()}
    assert (rows["score"], rows["baseline score"], rows["cost"]) == (["8.10", "5.10"], ["3.10"] * 2, ["$0.00"] * 2)
    assert "The score of the second run differs by -3.00 (90% " in printed
    value = json.loads(file.read_text())
    assert (value["a"]["run"], value["a"]["score"], value["b"]["score"]) == ("a", 8.1, 5.1)
    assert value["a"]["low"] < 8.1 < value["a"]["high"]
    assert (value["difference"]["mean"], value["difference"]["decision"]) == (-3.0, "not better")
    assert value["diff"].splitlines()[:2] == ["--- a", "+++ b"]


def test_no_name_and_no_value_is_cut_off(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"20261126-061505-1e34462{n}" for n in range(2)]
    for name in names:
        ended(home, name=name, commit="c0ffee" * 6 + "beef")
    compare(*names)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == names
    assert ["commit", "c0ffeec0ffee", "c0ffeec0ffee"] in [line.split() for line in lines]


def test_runs_without_confirmed_scores_or_with_other_goals_have_no_difference(home: Path) -> None:
    file = home.parent / "compared.json"
    ended(home, name="a")
    ended(home, name="b", goals=[{"name": "g", "text": "another goal"}])
    compare("a", "b", json_file=file)
    assert (json.loads(file.read_text())["difference"], json.loads(file.read_text())["diff"]) == (None, "")
    begin(home, name="c")
    with pytest.raises(RunNotFound, match="c has tried no prompt on all goals yet"):
        compare("a", "c")
