"""prefect.yaml for a worker, deployments/serve.py without one: the same deployment, run to its end by either."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.command_line import CHECKOUT, PREFECT, CommandLine, wait_for

pytestmark = pytest.mark.processes

NIGHTLY = "optimize/nightly"
PYTHON = Path(sys.executable)


def api(line: CommandLine) -> str:
    return line.env["PREFECT_API_URL"]


def deployment(line: CommandLine) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{api(line)}/deployments/name/{NIGHTLY}").raise_for_status().json()
    return found


def served(line: CommandLine) -> bool:
    """Whether it is there, and no worker's; for a moment it is not there at all."""
    answer = httpx.get(f"{api(line)}/deployments/name/{NIGHTLY}")
    return answer.status_code == 200 and answer.json()["work_pool_name"] is None


def ask_for_a_run(line: CommandLine) -> str:
    """A run of the deployment, now, smaller than a night's."""
    said = {"parameters": {"optimizer": "static", "budget": 1}}
    url, deadline = f"{api(line)}/deployments/{deployment(line)['id']}/create_flow_run", time.monotonic() + 60
    # While another has its database, the server says that it is busy; Prefect's own client asks again, too.
    while (made := httpx.post(url, json=said)).status_code == 503 and time.monotonic() < deadline:
        time.sleep(1)
    return str(made.raise_for_status().json()["id"])


def end_of(line: CommandLine, flow_run: str, seconds: float = 120.0) -> str:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = httpx.get(f"{api(line)}/flow_runs/{flow_run}").json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return f"{state['type']} {state['message'] or ''}".strip()
        time.sleep(0.5)
    return f"still {state['name']}"


@contextmanager
def running(line: CommandLine, program: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    process = line.start(*arguments, program=program)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def expect_the_schedule(line: CommandLine) -> None:
    found = deployment(line)
    (schedule,) = found["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("0 3 * * *", True)
    assert found["parameters"]["rehearse"] is True
    assert found["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"


def expect_a_report(line: CommandLine) -> None:
    (file,) = line.home.glob("runs/*/report.json")
    report = json.loads(file.read_text())
    assert (report["status"], report["rehearsal"]) == ("done", True)
    assert report["flow_run_url"]


@pytest.fixture
def deployed(line: CommandLine) -> CommandLine:
    ended = line.run("--no-prompt", "deploy", "--all", program=PREFECT)
    assert ended.exit_code == 0, ended.stderr + ended.stdout
    return line


def test_a_process_worker_runs_the_deployment_to_its_end(deployed: CommandLine) -> None:
    """Deployed by Prefect's own command, from prefect.yaml as it stands."""
    expect_the_schedule(deployed)
    with running(deployed, PREFECT, "worker", "start", "--pool", "workbench", "--type", "process"):
        assert end_of(deployed, ask_for_a_run(deployed)) == "COMPLETED"
    expect_a_report(deployed)


def test_one_process_serves_the_same_deployments_without_a_worker(deployed: CommandLine) -> None:
    """Also where a worker's were before."""
    with running(deployed, PYTHON, CHECKOUT / "deployments" / "serve.py"):
        wait_for(lambda: served(deployed))
        expect_the_schedule(deployed)
        assert end_of(deployed, ask_for_a_run(deployed)) == "COMPLETED"
    expect_a_report(deployed)
