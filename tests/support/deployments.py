"""Deployments on a Prefect server: start their flow runs, wait for the ends, and run a worker."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import patient
from tests.support.command_line import PREFECT, CommandLine, wait_for

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


def pause_schedules(line: CommandLine) -> None:
    """Pause all schedules of the server. Otherwise a test at three o'clock would meet the run of the night, too."""
    for item in patient.post(f"{api(line)}/deployments/filter", json={}, auth=login(line)).raise_for_status().json():
        for schedule in item["schedules"]:
            url = f"{api(line)}/deployments/{item['id']}/schedules/{schedule['id']}"
            patient.patch(url, json={"active": False}, auth=login(line)).raise_for_status()


def deployment(line: CommandLine, name: str) -> dict[str, Any]:
    """Return a deployment, as the server describes it."""
    response = patient.get(f"{api(line)}/deployments/name/{name}", auth=login(line)).raise_for_status()
    return dict(response.json())


def create_flow_run(line: CommandLine, name: str, **parameters: object) -> str:
    """Create a run of a deployment with these parameters, and return the flow run's id."""
    url = f"{api(line)}/deployments/{deployment(line, name)['id']}/create_flow_run"
    response = patient.post(url, json={"parameters": parameters}, auth=login(line))
    return str(response.raise_for_status().json()["id"])


def end_of(line: CommandLine, flow_run: str, seconds: float = 400.0) -> str:
    """Wait for the end of a flow run, and return its state type and message."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        response = patient.get(f"{api(line)}/flow_runs/{flow_run}", auth=login(line))
        state = response.raise_for_status().json()["state"]
        if state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED"):
            return f"{state['type']} {state['message'] or ''}".strip()
        time.sleep(0.5)
    return f"still {state['name']}"


@dataclass(frozen=True)
class Running:
    """A program that runs, and the files that take its output. A pipe that nobody reads would fill up."""

    process: subprocess.Popen[str]
    stdout: Path
    stderr: Path

    @property
    def printed(self) -> str:
        return f"{self.stdout.read_text()}\n{self.stderr.read_text()}"

    def wait_for_line(self, pattern: str) -> None:
        """Wait until the program has printed such a line. Fail if the program ends before."""
        line = re.compile(pattern)
        wait_for(lambda: self.process.poll() is not None or line.search(self.printed) is not None)
        assert line.search(self.printed), self.printed


@contextmanager
def running(line: CommandLine, program: Path, *arguments: object) -> Iterator[Running]:
    """Run a program while the context lasts. It gets an interrupt at the end, and is killed after 20 seconds.

    All processes of its group get the interrupt, as they do at a terminal.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-output-") as folder, ExitStack() as open_files:
        files = [Path(folder, name) for name in ("stdout", "stderr")]
        stdout, stderr = (open_files.enter_context(file.open("w")) for file in files)
        process = line.start(*arguments, program=program, stdout=stdout, stderr=stderr)
        try:
            yield Running(process, *files)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
