"""Tests of interrupted runs: they end soon after Ctrl-C, SIGTERM or kill -9, and the same command goes on."""

from __future__ import annotations

import contextlib
import shutil
import signal
import sys
from pathlib import Path

import pytest

from tests.support import patient
from tests.support.command_line import CommandLine, study, wait_for
from tests.support.commits import Commits
from tests.support.flow_runs import left_after_a_look, only_flow_run, state

pytestmark = pytest.mark.processes

#: A study of five executions, two at once, so that some are left after the first two.
SLOW = {"optimizer": "static", "budget": 1, "confirm": 4, "concurrency": 2, "runtime": "mix"}

#: Begins a flow run that a killed process has begun before, as after "Retry" in the UI. Prints the state meanwhile.
AGAIN = """
import json, os, uuid
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.runtime import flow_run
from workbench.alerts.holders import Holder
from workbench.system.home import home
from workbench.tasks.alive import alive

@flow
def again():
    file = home() / "flow-runs" / f"{flow_run.id}.left"
    file.parent.mkdir()
    left = Holder(flow_run=flow_run.id, server=os.environ["PREFECT_API_URL"], pid=7, host="h", began=1.0)
    file.write_text(json.dumps(left.to_json()))
    with alive(), get_client(sync_client=True) as client:
        print("meanwhile:", client.read_flow_run(uuid.UUID(flow_run.id)).state.name)

again()
"""

#: Begins a run of a flow whose repository has no study. Makes a file once the server has the state Running.
BEGIN = """
import importlib, pathlib, sys
name, repository, running = sys.argv[1:]
flow = getattr(importlib.import_module(f"workbench.flows.{name}"), name)
parameters = {"commit": "HEAD"} if name == "requalify" else {}
begun = flow.with_options(on_running=[lambda *_: pathlib.Path(running).touch()])
begun(study="study.yaml", repository=repository, return_state=True, **parameters)
"""
#: A program `git` that first writes down, once the server has the state Running, how many files are in `flow-runs`.
GIT = """#!/bin/sh
if [ -e "$RUNNING" ]; then ls "$WORKBENCH_HOME/flow-runs" 2>/dev/null | wc -l >> "$RUNNING"; fi
exec {git} "$@"
"""


@pytest.mark.parametrize(
    "interrupt",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.services),
        pytest.param(signal.SIGHUP, marks=pytest.mark.services),
    ],
)
def test_an_interrupted_run_ends_soon_and_goes_on_with_the_same_command(
    line: CommandLine, tmp_path: Path, interrupt: signal.Signals
) -> None:
    """The exit code is 130, no process is left, and no kept answer is paid for again."""
    line, calls = line.counting()
    file = study(tmp_path / "study", **SLOW)
    with line.rehearsing(latency=0.5) as (rehearsal_line, rehearsal):
        process = rehearsal_line.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 2)
        # The executions that are left would take minutes. So the interrupt must end them, and not wait for them.
        rehearsal.latency = 600.0
        process.send_signal(interrupt)
        _, err = process.communicate(timeout=100)
        assert process.returncode == 130
        assert "the same command continues the run" in err
        assert "Traceback" not in err
        wait_for(lambda: not running_executions(line), 60)
        assert "**Interrupted: " in artifact(line)
        stored, calls_before = len(line.results("execute")), len(calls.read_text().splitlines())
        rehearsal.latency = 0.0
        result, report = rehearsal_line.optimize(file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert report["cache_hits"] == stored
    assert report["executions"] == len(calls.read_text().splitlines()) - calls_before


@pytest.mark.services
def test_a_killed_run_loses_nothing_that_was_paid_for(line: CommandLine, tmp_path: Path) -> None:
    """After kill -9, only the executions that were running are paid for again. The next run marks it as crashed.

    Each execution has a VM of its own. tests/flows/test_survival.py kills a run whose pipeline is a program.
    """
    line, calls = line.counting()
    file = study(tmp_path / "study", **SLOW)
    with line.rehearsing(latency=0.5) as (rehearsal_line, rehearsal):
        process = rehearsal_line.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 2)
        process.kill()
        process.communicate(timeout=100)
        rehearsal.latency = 0.0
        wait_for(lambda: not running_executions(line))
        killed = only_flow_run(line)
        assert state(line, killed)["type"] == "RUNNING"
        stored, calls_before = len(line.results("execute")), len(calls.read_text().splitlines())
        assert calls_before - stored <= 2
        result, report = rehearsal_line.optimize(file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert report["cache_hits"] == stored
    assert report["executions"] == len(calls.read_text().splitlines()) - calls_before
    crashed = state(line, killed)
    assert (crashed["type"], f"The process {process.pid} on " in crashed["message"]) == ("CRASHED", True)
    assert left_after_a_look(line) == []


@pytest.mark.parametrize("command", ["rubric", pytest.param("calibrate", marks=pytest.mark.services)])
def test_each_command_that_buys_is_marked_as_crashed_after_a_kill(
    line: CommandLine, tmp_path: Path, command: str
) -> None:
    """The flow run of a killed command does not stay in the state Running. The same command marks it."""
    file = study(tmp_path / "study", judge={"method": "rubric"}, optimizer="static")
    if command == "calibrate":
        assert line.run("rubric", file, "--rehearse").exit_code == 0
    with line.rehearsing(latency=600.0) as (rehearsal_line, rehearsal):
        process = rehearsal_line.start(command, file, "--rehearse")
        wait_for(lambda: rehearsal.tries.total() >= 1 or process.poll() is not None)
        process.kill()
        process.communicate(timeout=100)
        (left,) = (line.home / "flow-runs").iterdir()
        killed = left.name.partition(".")[0]
        assert state(line, killed)["type"] == "RUNNING"
        rehearsal.latency = 0.0
        result = rehearsal_line.run(command, file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert state(line, killed)["type"] == "CRASHED"
    assert left_after_a_look(line) == []


def test_a_killed_run_that_is_tried_again_is_not_marked_as_crashed(line: CommandLine) -> None:
    """Nobody is notified of a run that goes on, although the file of the killed process is still there."""
    result = line.run("-c", AGAIN, program=Path(sys.executable))
    assert "meanwhile: Running" in result.stdout, result.stdout + result.stderr
    assert left_after_a_look(line) == []


@pytest.mark.parametrize("flow", ["optimize", "requalify", "watch"])
def test_a_run_holds_its_lock_before_it_does_anything(line: CommandLine, tmp_path: Path, flow: str) -> None:
    """Otherwise another run could take it for dead if a killed process has left a file of the same flow run."""
    commits = Commits.begin(tmp_path / "mine")
    commits.commit()
    git, running = tmp_path / "bin" / "git", tmp_path / "running"
    git.parent.mkdir()
    git.write_text(GIT.format(git=shutil.which("git")))
    git.chmod(0o755)
    watched = line.having(PATH=f"{git.parent}:{line.env['PATH']}", RUNNING=str(running))
    result = watched.run("-c", BEGIN, flow, commits.folder, running, program=Path(sys.executable))
    assert result.exit_code == 0, result.stderr
    assert set(running.read_text().split()) == {"1"}


def artifact(line: CommandLine) -> str:
    """Return the text of the artifact of the only run so far."""
    query = {"artifacts": {"flow_run_id": {"any_": [only_flow_run(line)]}, "type": {"any_": ["markdown"]}}}
    (markdown,) = patient.post(f"{line.env['PREFECT_API_URL']}/artifacts/filter", json=query).json()
    return str(markdown["data"])


def running_executions(line: CommandLine) -> list[str]:
    """Return the ids of processes that execute a pipeline for this home.

    Such a process works in a folder below `executions`. A process that has ended has no working folder.
    """
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(line.home / "executions"):
                pids.append(process.name)
    return pids
