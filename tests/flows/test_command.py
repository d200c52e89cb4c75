"""Tests of whole studies on a program of the user's (`runtime: command`), in a rehearsal and with a key."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import patient
from tests.support.command_line import CommandLine
from tests.support.command_study import planner_study
from tests.support.service import service
from workbench.providers import REHEARSAL_KEY

pytestmark = pytest.mark.processes

KEY = "sk-very-secret-0123"
#: The report of a rehearsal says this if the program itself was real.
REAL = "REHEARSAL: scripted providers (world default, seed 0), but the command itself was real"


def test_a_rehearsed_study_says_that_the_command_was_real(line: CommandLine, tmp_path: Path) -> None:
    """The table, the JSON and the artifact say so. The key was never passed on.

    tests/flows/test_survival.py continues such runs, and counts that nothing is paid for twice.
    """
    file = planner_study(tmp_path / "study")
    line = line.having(GEMINI_API_KEY=KEY)
    result, report = line.optimize(file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert REAL in result.stdout
    # The server belongs to the user, so the output does not say how to stop it.
    assert "server --stop" not in result.stdout
    assert (report["rehearsal"], report["real_in_rehearsal"]) == (True, "the command itself")
    assert report["best"]["score"] > report["baseline"]["score"]
    assert report["failures"] == {}
    assert REAL in artifact(line, report["flow_run_url"])
    generated = line.call("generate", report["run_id"])
    assert generated.exit_code == 0, generated.stderr
    assert "the command itself was real" in generated.stderr
    for text in (KEY, REHEARSAL_KEY):
        assert not [path for path in line.home.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def artifact(line: CommandLine, flow_run_url: str) -> str:
    """Return the text of the flow run's markdown artifact."""
    filters = {"artifacts": {"flow_run_id": {"any_": [flow_run_url.rpartition("/")[2]]}}}
    artifacts = patient.post(f"{line.env['PREFECT_API_URL']}/artifacts/filter", json=filters).json()
    (text,) = [item["data"] for item in artifacts if item["type"] == "markdown"]
    return str(text)


def test_a_study_calls_real_models_with_the_variables_that_it_names(line: CommandLine, tmp_path: Path) -> None:
    """The program reads its prompt from standard input, and prints its plan. The report shows no rehearsal."""
    file = planner_study(
        tmp_path / "study",
        command=[sys.executable, "planner.py", "--seed", "{replicate}"],
        optimizer="static",
        budget=1,
    )
    with service() as url:
        result, report = line.having(GEMINI_API_KEY=KEY, GOOGLE_GEMINI_BASE_URL=url).optimize(file)
    assert result.exit_code == 0, result.stderr
    assert "REHEARSAL" not in result.stdout
    assert (report["rehearsal"], report["real_in_rehearsal"]) == (False, None)
    plans = list((line.home / "executions").rglob("plan.yaml"))
    assert len(plans) == report["executions"]
    assert not [path for path in line.home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_a_study_that_does_not_allow_a_rehearsal_is_not_rehearsed(line: CommandLine, tmp_path: Path) -> None:
    """The exit code is 2, and the message names the key that allows it. A missing variable gives exit code 3."""
    result = line.call("run", planner_study(tmp_path / "study", rehearsal=None), "--rehearse")
    assert result.exit_code == 2
    assert "rehearsal: allowed" in result.stderr
    result = line.having(GEMINI_API_KEY=KEY).call("run", planner_study(tmp_path / "study"))
    assert result.exit_code == 3
    assert "GOOGLE_GEMINI_BASE_URL is not set" in result.stderr
    assert not line.results("execute")


def test_a_program_that_cannot_start_stops_the_study_at_once(line: CommandLine, tmp_path: Path) -> None:
    """Neither the flow nor the call is tried again, and nothing is scored."""
    file = planner_study(tmp_path / "study", command=["sh", "-c", "no-such-tool"], files=[], concurrency=1)
    result = line.run("run", file, "--rehearse")
    assert result.exit_code == 3
    assert "exit code 127" in result.stderr
    assert "Traceback" not in result.stderr
    (run,) = (line.home / "runs").iterdir()
    calls = [json.loads(text) for text in (run / "journal.jsonl").read_text().splitlines()]
    assert [(call["action"], call["kind"]) for call in calls] == [("execute", "not started")]
