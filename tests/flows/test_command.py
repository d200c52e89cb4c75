"""A whole study on a program of the user's: rehearsed, and with a key where the environment has one."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.command_line import CommandLine, study
from tests.support.runtimes import PLANNER
from tests.support.service import service
from workbench.providers import REHEARSAL_KEY

pytestmark = pytest.mark.processes

KEY = "sk-very-secret-0123"
REAL = "REHEARSAL: scripted providers (world default, seed 0), but the command itself was real"


def of_planner(folder: Path, **changes: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(PLANNER, folder)
    words = [sys.executable, "planner.py", "--prompt", "{prompt_file}", "--output", "{output_file}"]
    keys = {
        "runtime": "command",
        "command": [*words, "--seed", "{replicate}"],
        "files": ["planner.py"],
        "environment": ["GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"],
        "rehearsal": "allowed",
        "pipeline": None,
    }
    return study(folder, **{**keys, **changes})


def test_a_rehearsed_study_says_that_the_command_was_real(line: CommandLine, tmp_path: Path) -> None:
    """In the table, the JSON and the artifact. The second run pays for nothing; the key was never passed on."""
    file = of_planner(tmp_path / "study")
    line = line.having(GEMINI_API_KEY=KEY)
    ended, report = line.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert REAL in ended.stdout
    assert (report["rehearsal"], report["real_in_rehearsal"]) == (True, "the command itself")
    assert report["best"]["score"] > report["baseline"]["score"]
    assert report["failures"] == {}
    assert REAL in artifact(line, report["flow_run_url"])
    _, again = line.optimize(file, "--rehearse")
    assert (again["executions"], again["cache_hits"]) == (0, report["executions"])
    made = line.run("generate", report["run_id"])
    assert made.exit_code == 0, made.stderr
    assert "the command itself was real" in made.stderr
    for text in (KEY, REHEARSAL_KEY):
        assert not [path for path in line.home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def artifact(line: CommandLine, flow_run_url: str) -> str:
    filters = {"artifacts": {"flow_run_id": {"any_": [flow_run_url.rpartition("/")[2]]}}}
    found = httpx.post(f"{line.env['PREFECT_API_URL']}/artifacts/filter", json=filters).json()
    (text,) = [one["data"] for one in found if one["type"] == "markdown"]
    return str(text)


def test_a_study_asks_real_models_with_the_variables_that_it_names(line: CommandLine, tmp_path: Path) -> None:
    """The program reads its prompt from standard input, and prints its plan. Nothing calls it a rehearsal."""
    file = of_planner(
        tmp_path / "study",
        command=[sys.executable, "planner.py", "--seed", "{replicate}"],
        optimizer="static",
        budget=1,
    )
    with service() as url:
        ended, report = line.having(GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL=url).optimize(file)
    assert ended.exit_code == 0, ended.stderr
    assert "REHEARSAL" not in ended.stdout
    assert (report["rehearsal"], report["real_in_rehearsal"]) == (False, None)
    plans = list((line.home / "executions").rglob("plan.yaml"))
    assert len(plans) == report["executions"]
    assert not [path for path in line.home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_study_that_does_not_allow_it_is_not_rehearsed(line: CommandLine, tmp_path: Path) -> None:
    """Exit code 2, with the key that allows it; a missing variable is exit code 3, with its name."""
    ended = line.run("run", of_planner(tmp_path / "study", rehearsal=None), "--rehearse")
    assert ended.exit_code == 2
    assert "rehearsal: allowed" in ended.stderr
    ended = line.having(GEMINI_API_KEY=KEY).run("run", of_planner(tmp_path / "study"))
    assert ended.exit_code == 3
    assert "GOOGLE_GEMINI_BASE_URL is not set" in ended.stderr
    assert not line.results("execute")


def test_a_program_that_cannot_start_stops_the_study_at_once(line: CommandLine, tmp_path: Path) -> None:
    """The flow is tried once more, as every flow is. No call is, and nothing is scored."""
    file = of_planner(tmp_path / "study", command=["sh", "-c", "no-such-tool"], files=[], concurrency=1)
    ended = line.run("run", file, "--rehearse")
    assert ended.exit_code == 3
    assert "exit code 127" in ended.stderr
    assert "Traceback" not in ended.stderr
    (run,) = (line.home / "runs").iterdir()
    calls = [json.loads(text) for text in (run / "journal.jsonl").read_text().splitlines()]
    assert [(call["action"], call["kind"]) for call in calls] == [("execute", "not started")] * 2
