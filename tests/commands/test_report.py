"""`workbench report` writes a page, its data, or both."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.page import whole_run
from workbench.commands.report import report
from workbench.errors import RunNotFound, UserError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.slow
def test_a_page_and_its_data_are_written(home: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """`-` is standard output, and then nothing else is written there."""
    run = whole_run(home, "words")
    page, data = tmp_path / "page.html", tmp_path / "page.json"
    assert report(run.name, html_file=page, json_file=data) == 0
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert json.loads(data.read_text())["report"]["run_id"] == run.name
    assert b"wrote " in capfdbinary.readouterr().out
    assert report(html_file=Path("-")) == 0
    assert capfdbinary.readouterr().out == page.read_bytes()
    assert report(json_file=Path("-")) == 0
    assert capfdbinary.readouterr().out == data.read_bytes()


def test_without_a_file_there_is_nothing_to_write(home: Path) -> None:
    with pytest.raises(UserError, match="add --html FILE or --json FILE"):
        report()
    with pytest.raises(RunNotFound):
        report(json_file=Path("-"))
