"""Ctrl-C, SIGTERM, kill -9: soon over, and the same command goes on."""

from __future__ import annotations

import contextlib
import signal
import time
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study, wait_for

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_ends_soon_and_goes_on_with_the_same_command(
    line: CommandLine, tmp_path: Path, how: signal.Signals
) -> None:
    """130, nothing left running, and what was kept is not paid for again."""
    line, calls = line.counting()
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.5) as (pointed, rehearsal):
        running = pointed.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 3)
        begun = time.monotonic()
        running.send_signal(how)
        _, err = running.communicate(timeout=30)
        assert time.monotonic() - begun < 15
        assert running.returncode == 130
        assert "the same command goes on" in err
        assert "Traceback" not in err
        assert not started_by(line)
        kept, made = len(line.results("execute")), len(calls.read_text().splitlines())
        rehearsal.latency = 0.0
        ended, report = pointed.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["cache_hits"] == kept
    assert report["executions"] == len(calls.read_text().splitlines()) - made


def test_a_killed_run_loses_nothing_that_was_paid_for(line: CommandLine, tmp_path: Path) -> None:
    """kill -9: only what was in flight is paid for again."""
    line, calls = line.counting()
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.5) as (pointed, rehearsal):
        running = pointed.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 3)
        running.kill()
        running.communicate(timeout=30)
        rehearsal.latency = 0.0
        wait_for(lambda: not started_by(line))
        kept, made = len(line.results("execute")), len(calls.read_text().splitlines())
        assert made - kept <= 4
        ended, report = pointed.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["cache_hits"] == kept
    assert report["executions"] == len(calls.read_text().splitlines()) - made


def started_by(line: CommandLine) -> list[str]:
    """Processes that execute a pipeline for this home: what has ended has no folder that it works in."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(line.home / "executions"):
                found.append(process.name)
    return found
