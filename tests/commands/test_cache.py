"""Tests of `workbench cache`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from workbench.commands.app import app
from workbench.commands.cache import cache_size, prune


def test_size_and_prune_write_their_numbers_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With --older-than 0, every answer that no run needs is removed."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path))
    for name in ("results/score/a", "results/execute/b", "executions/b/1/plan.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1234")
    file = tmp_path / "output.json"
    assert cache_size(json_file=file) == 0
    assert json.loads(file.read_text()) == {
        "home": str(tmp_path),
        "bytes": 12,
        "tasks": {
            "execute": {"answers": 1, "files": 2, "bytes": 8},
            "score": {"answers": 1, "files": 1, "bytes": 4},
        },
    }
    assert prune(days=0, dry_run=True, json_file=file) == 0
    assert json.loads(file.read_text()) == {"dry_run": True, "removed": ["execute/b", "score/a"], "bytes": 12}
    assert prune(json_file=file) == 0
    assert json.loads(file.read_text())["removed"] == []
    assert prune(days=0) == 0
    assert not any((tmp_path / "results").rglob("?"))


def test_the_command_line_shows_the_size_by_default() -> None:
    command, _, _ = app.parse_args("cache", exit_on_error=False)
    assert command is cache_size
