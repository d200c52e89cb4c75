"""The shell blocks of the guide to operations work as they stand: one machine, a login, and two workers.

tests/deployments/test_postgresql.py runs the commands for PostgreSQL.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import patient
from tests.support.command_line import CHECKOUT, CommandLine, wait_for
from tests.support.deployments import api, create_flow_run, end_of, login, pause_schedules, running
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

# On a busy machine, each flow run takes half a minute to start.
pytestmark = [pytest.mark.services, pytest.mark.timeout(1200)]

GUIDE = CHECKOUT / "docs" / "guide" / "operations.md"
SHELL = Path("/bin/sh")


def block(section: str, number: int = 0) -> str:
    """Return a shell block of a section, counted from 0."""
    text = GUIDE.read_text().partition(f"## {section}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return blocks[number]


@contextmanager
def worker(line: CommandLine, commands: str) -> Iterator[None]:
    """Run a block that ends with a worker. Yield as soon as the worker says that it has started."""
    with running(line, SHELL, "-ec", commands) as program:
        program.wait_for_line("Worker.*started")
        yield


@pytest.fixture
def line(tmp_path: Path) -> Iterator[CommandLine]:
    """Yield the command line of a user without a server, and stop the server that the commands start."""
    line = CommandLine(tmp_path / "home")
    try:
        yield line
    finally:
        line.run("server", "--stop")


def with_server(line: CommandLine, **environ: str) -> CommandLine:
    """Return the command line with the address of the server that a block has started."""
    return line.having(PREFECT_API_URL=json.loads((line.home / "server.json").read_text())["url"], **environ)


def ask(line: CommandLine, path: str, **body: object) -> Any:
    """Return what the server answers to a query."""
    return patient.post(f"{api(line)}/{path}", json=body, auth=login(line)).raise_for_status().json()


def test_one_machine_has_deployments_that_a_worker_executes(line: CommandLine) -> None:
    """The block of the second terminal starts a look at the repository, which ends well."""
    with worker(line, block("One machine")):
        started = line.run("-ec", block("One machine", 1), program=SHELL)
        assert started.exit_code == 0, started.stderr
        asking = with_server(line)
        watch = {"deployments": {"name": {"any_": ["watch"]}}, "flow_runs": {"start_time": {"is_null_": False}}}
        wait_for(lambda: ask(asking, "flow_runs/filter", **watch), 400)
        flow_run = ask(asking, "flow_runs/filter", **watch)[0]["id"]
        assert end_of(asking, flow_run) == "COMPLETED"
    assert {item["name"] for item in ask(asking, "automations/filter")} >= {
        f"Workbench: {problem}" for problem in ("a run failed", "a look failed", "a run is stuck", "no worker")
    }


def test_two_workers_behind_a_login_share_the_runs_and_never_work_on_one_study_at_once(line: CommandLine) -> None:
    """Nobody reads the API without the login. Both workers take runs, and no answer is bought twice."""
    with worker(line, block("A login")):
        password = re.findall(r"PREFECT_API_AUTH_STRING=(\S+)", block("A login"))[-1]
        asking = with_server(line, PREFECT_API_AUTH_STRING=password)
        assert patient.get(f"{api(asking)}/flows/paginate").status_code == 401
        pause_schedules(asking)
        with worker(line.having(PREFECT_API_AUTH_STRING=password), block("Two workers")):
            # Each run goes to the worker that asks next.
            wait_for(lambda: len(takers_of_another_run(asking)) == 2, 400)
            runs = [create_flow_run(asking, "optimize/nightly", optimizer="static", budget=3) for _ in range(2)]
            assert [end_of(asking, run, 400) for run in runs] == ["COMPLETED", "COMPLETED"]
    check_turns(line)


def takers_of_another_run(line: CommandLine) -> set[str]:
    """Execute a flow run that costs nothing. Return the workers that have taken a flow run so far."""
    assert end_of(line, create_flow_run(line, "notify/notify")) == "COMPLETED"
    taken = ask(line, "events/filter", filter={"event": {"name": ["prefect.worker.submitted-flow-run"]}})
    return {event["resource"]["prefect.resource.id"] for event in taken["events"]}


def check_turns(line: CommandLine) -> None:
    """Check that one run began after the other had ended, and that the second run bought nothing."""
    folders = [RunFolder(folder) for folder in sorted((line.home / "runs").iterdir())]
    first, second = sorted(folders, key=lambda folder: folder.load(RunRecord).started)
    assert (first.path / "report.json").stat().st_mtime <= second.load(RunRecord).started
    reports = [json.loads((folder.path / "report.json").read_text()) for folder in (first, second)]
    assert reports[0]["executions"] == len(line.results("execute"))
    assert reports[1]["executions"] == 0
