"""The CPU time of a process tree counts all of its processes, also those that have ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.process_tree import cpu_seconds, cpu_seconds_of, megabytes
from workbench.system import process

pytestmark = pytest.mark.processes

BURN = "import time\nwhile time.process_time() < 0.5: pass"


@pytest.fixture
def apart() -> int:
    """Yield a process that does not count."""
    return 1


def test_the_time_of_a_grandchild_counts(apart: int) -> None:
    """It counts after the grandchild's end, too. Another command follows, so that the shell does not replace itself."""
    before = cpu_seconds(apart)
    subprocess.run(["sh", "-c", '"$0" -S -c "$1"; true', sys.executable, BURN], check=True)
    assert 0.45 < cpu_seconds(apart) - before < 5


def test_the_time_of_a_command_under_a_supervisor_counts(apart: int, tmp_path: Path) -> None:
    before = cpu_seconds(apart)
    process.run([sys.executable, "-S", "-c", BURN], cwd=tmp_path, env=dict(os.environ), timeout=60)
    assert 0.45 < cpu_seconds(apart) - before < 5


def test_the_time_of_a_process_apart_does_not_count(apart: int) -> None:
    with subprocess.Popen([sys.executable, "-S", "-c", f"{BURN}\ninput()"], stdin=subprocess.PIPE) as other:
        while cpu_seconds_of(other.pid) < 0.45:
            time.sleep(0.01)
        assert cpu_seconds(apart) - cpu_seconds(other.pid) > 0.4
        other.communicate(b"\n")


def test_a_process_that_has_ended_has_no_memory() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert megabytes(ended.pid, "VmHWM") == 0
    assert megabytes(os.getpid(), "VmHWM") > 1
