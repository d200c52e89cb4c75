"""`workbench runs` lists every run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.run_folder import add, begin, finish
from workbench.commands.runs import COLUMNS, runs
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.run.folder import RunFolder
from workbench.run.journal import CallRecord


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def listed(home: Path, study: str | None = None) -> list[dict[str, object]]:
    file = home.parent / "runs.json"
    assert runs(study, json_file=file) == 0
    rows: list[dict[str, object]] = json.loads(file.read_text())
    return rows


def test_a_finished_run_is_listed_with_its_scores(home: Path) -> None:
    """With the columns that scripts rely on."""
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
    assert listed(home, "another") == []


def test_a_damaged_run_does_not_hide_the_others(home: Path) -> None:
    """Its state says what is wrong."""
    begin(home)
    RunFolder.create(home, "20270101-000000-broken").write("run.json", "{")
    broken, whole = listed(home)
    assert str(broken["state"]).startswith("unreadable: ")
    assert whole["state"] == "interrupted"


def test_without_runs_the_list_is_empty(home: Path) -> None:
    assert listed(home) == []
