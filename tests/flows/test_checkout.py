"""Tests of whole studies on a checkout of pipeline_ex. Its `mix` replays recordings of the real `mix`."""

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


def checkout_study(folder: Path, checkout: Path, **changes: object) -> Path:
    """Write a study for the checkout, and return the study file."""
    file = study(folder, runtime="pipeline_ex", checkout=str(checkout), **changes)
    values = json.loads(file.read_text())
    del values["pipeline"]
    file.write_text(json.dumps(values))
    return file


@pytest.mark.parametrize(
    ("task", "target"), [("generate", None), pytest.param("run", WRITE_TARGET, marks=pytest.mark.services)]
)
def test_a_study_searches_with_a_checkout_of_pipeline_ex(
    line: CommandLine, tmp_path: Path, task: str, target: dict[str, str] | None
) -> None:
    """A rate limit is tried again and not scored. A turn limit scores 0. The search goes on, and buys nothing twice."""
    fake = checkout(tmp_path, "live_ok")
    fake.replay(*(["live_max_turns", "live_rate_limit"] if target is None else ["live_rate_limit"]), "live_ok")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    changes = {} if target is None else {"target": target}
    with service() as url:
        checkout_line = line.having(PATH=path, GEMINI_API_KEY="any", GOOGLE_GEMINI_BASE_URL=url)
        result, report = checkout_line.optimize(checkout_study(tmp_path / "study", fake.folder, budget=6, **changes))
        assert result.exit_code == 0, result.stderr
        if target is None:
            _, again = checkout_line.optimize(checkout_study(tmp_path / "study", fake.folder, budget=6))
            assert again["executions"] == 0
    calls = fake.calls_of(f"pipeline.{task}.live")
    executions = [call for call in journal.read(line.home / "runs" / report["run_id"]) if call.action == "execute"]
    failed = [call.kind for call in executions if call.kind != "ok"]
    assert failed == ["rate limit"]
    assert len(calls) == len(executions) == report["executions"]
    assert len(fake.calls_of("compile")) == (2 if target is None else 1)
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    limited = [json.loads(trial) for trial in trials if "error_max_turns" in trial]
    # A turn limit lies in the prompt: the plan of pipeline_ex's fallback is not judged, and the search goes on.
    assert [trial["score"] for trial in limited] == ([0.0] if target is None else [])
    assert not [file for file in fake.folder.iterdir() if file.name not in EXPECTED_FILES]


#: The names in a checkout's folder after a study.
EXPECTED_FILES = {
    "mix.exs", "lib", "deps", "config", "working_genesis.yaml", "planner.yaml", ".gitignore", ".git", "_build",
    "left_behind.txt",
}  # fmt: skip


def test_a_wrong_key_stops_the_study_at_once(line: CommandLine, tmp_path: Path) -> None:
    """Every execution exits 0 and writes a file, but nothing is scored and nothing is tried again."""
    fake = checkout(tmp_path, "live_fail")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    with service() as url:
        checkout_line = line.having(PATH=path, GEMINI_API_KEY="any", GOOGLE_GEMINI_BASE_URL=url)
        result = checkout_line.run("run", checkout_study(tmp_path / "study", fake.folder, concurrency=1))
    assert result.exit_code == 3
    assert "Invalid API key" in result.stderr
    assert "Traceback" not in result.stderr
    assert not line.results("execute")
    (run,) = (line.home / "runs").iterdir()
    assert not (run / "trials.jsonl").exists() or not (run / "trials.jsonl").read_text()


def test_a_study_that_starts_the_claude_program_is_not_rehearsed(line: CommandLine, tmp_path: Path) -> None:
    """The Claude program costs money even if the environment names a rehearsal, and its plans would look rehearsed."""
    fake = checkout(tmp_path, "live_ok")
    path = f"{fake.bin}{os.pathsep}{os.environ['PATH']}"
    with line.rehearsing() as (rehearsal_line, _):
        checkout_line = rehearsal_line.having(PATH=path, GEMINI_API_KEY="any")
        result = checkout_line.run("run", checkout_study(tmp_path / "study", fake.folder))
    assert result.exit_code == 2
    assert "runtime: mix" in result.stderr
    assert not fake.calls
