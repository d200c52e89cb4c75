"""A whole study on a checkout of pipeline_ex, played by a `mix` that replays recordings of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.checkout import WRITE_TARGET, checkout
from tests.support.command_line import CommandLine, study
from tests.support.service import service
from workbench.run import journal

pytestmark = pytest.mark.processes


def of_checkout(folder: Path, checkout: Path, **changes: object) -> Path:
    file = study(folder, runtime="pipeline_ex", checkout=str(checkout), **changes)
    said = json.loads(file.read_text())
    del said["pipeline"]
    file.write_text(json.dumps(said))
    return file


@pytest.mark.parametrize(("task", "target"), [("generate", None), ("run", WRITE_TARGET)])
def test_a_study_on_a_checkout(line: CommandLine, tmp_path: Path, task: str, target: dict[str, str] | None) -> None:
    """Failures of the first runs, whatever their exit code, are tried again and never scored; the search goes on."""
    fake = checkout(tmp_path, "live_ok")
    fake.replay(*(["live_max_turns", "live_rate_limit"] if target is None else ["live_rate_limit"]), "live_ok")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    changes = {} if target is None else {"target": target}
    with service() as url:
        there = line.having(PATH=path, GEMINI_API_KEY="any", GOOGLE_GEMINI_BASE_URL=url)
        ended, report = there.optimize(of_checkout(tmp_path / "study", fake.folder, budget=6, **changes))
        assert ended.exit_code == 0, ended.stderr
        _, again = there.optimize(of_checkout(tmp_path / "study", fake.folder, budget=6, **changes))
    calls = fake.calls_of(f"pipeline.{task}.live")
    executions = [one for one in journal.read(line.home / "runs" / report["run_id"]) if one.action == "execute"]
    failed = [one.kind for one in executions if one.kind != "ok"]
    assert sorted(failed) == sorted(["fallback used", "rate limit"] if target is None else ["rate limit"])
    assert len(calls) == len(executions) == report["executions"]
    assert again["executions"] == 0
    assert len(fake.calls_of("compile")) == 2
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert all("fallback" not in json.loads(trial)["reason"] for trial in trials)
    assert not [one for one in fake.folder.iterdir() if one.name not in EXPECTED]


EXPECTED = {
    "mix.exs", "lib", "deps", "config", "working_genesis.yaml", "planner.yaml", ".gitignore", ".git", "_build",
    "left_behind.txt",
}  # fmt: skip


def test_a_wrong_key_stops_the_study_at_once(line: CommandLine, tmp_path: Path) -> None:
    """Although every run exits 0 and writes a file: nothing is scored, and nothing is tried again."""
    fake = checkout(tmp_path, "live_fail")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    with service() as url:
        there = line.having(PATH=path, GEMINI_API_KEY="any", GOOGLE_GEMINI_BASE_URL=url)
        ended = there.run("run", of_checkout(tmp_path / "study", fake.folder, concurrency=1))
    assert ended.exit_code == 3
    assert "Invalid API key" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not line.results("execute")
    (run,) = (line.home / "runs").iterdir()
    assert not (run / "trials.jsonl").exists() or not (run / "trials.jsonl").read_text()


def test_a_rehearsal_where_the_environment_points_starts_no_claude_program(line: CommandLine, tmp_path: Path) -> None:
    """It would answer for money, and its plans would pass for rehearsed ones."""
    fake = checkout(tmp_path, "live_ok")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    with line.rehearsing() as (pointed, _):
        there = pointed.having(PATH=path, GEMINI_API_KEY="any")
        ended = there.run("run", of_checkout(tmp_path / "study", fake.folder))
    assert ended.exit_code == 2
    assert "runtime: mix" in ended.stderr
    assert not fake.calls
