"""Deployments on a Prefect server: start their flow runs, wait for the ends, and run a worker."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support import patient
from tests.support.command_line import PREFECT, CommandLine

#: The arguments with which `prefect` starts the worker of the deployments.
WORKER = ("worker", "start", "--pool", "workbench", "--type", "process")


def api(line: CommandLine) -> str:
    return line.env["PREFECT_API_URL"]


def login(line: CommandLine) -> tuple[str, str] | None:
    """Return the name and the password with which the command line asks the server, or None without a login."""
    name, _, password = line.env.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return (name, password) if name else None


def deployed(line: CommandLine) -> CommandLine:
    """Create the deployments of prefect.yaml, and return the command line."""
    result = line.run("--no-prompt", "deploy", "--all", program=PREFECT)
    assert result.exit_code == 0, result.stderr + result.stdout
    return line


def deployment(line: CommandLine, name: str) -> dict[str, Any]:
    """Return a deployment, as the server describes it."""
    response = patient.get(f"{api(line)}/deployments/name/{name}", auth=login(line)).raise_for_status()
    return dict(response.json())


def create_flow_run(line: CommandLine, name: str, **parameters: object) -> str:
    """Create a run of a deployment with these parameters, and return the flow run's id."""
    url = f"{api(line)}/deployments/{deployment(line, name)['id']}/create_flow_run"
    deadline = time.monotonic() + 60
    # The server answers 503 while its database is locked. Prefect's own client tries again, too.
    while (response := patient.post(url, json={"parameters": parameters}, auth=login(line))).status_code == 503:
        assert time.monotonic() < deadline, response.text
        time.sleep(1)
    return str(response.raise_for_status().json()["id"])


def end_of(line: CommandLine, flow_run: str, seconds: float = 120.0) -> str:
    """Wait for the end of a flow run, and return its state type and message."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = patient.get(f"{api(line)}/flow_runs/{flow_run}", auth=login(line)).json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return f"{state['type']} {state['message'] or ''}".strip()
        time.sleep(0.5)
    return f"still {state['name']}"


@contextmanager
def running(line: CommandLine, program: Path, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a program while the context lasts. It gets an interrupt at the end, and is killed after 20 seconds.

    All processes of its group get the interrupt, as they do at a terminal.
    """
    process = line.start(*arguments, program=program)
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
