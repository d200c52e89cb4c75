"""An interrupt ends a command in order even while the command still imports what it needs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study
from tests.support.prefect_database import new_database

pytestmark = pytest.mark.processes


@pytest.fixture
def line(tmp_path: Path) -> Iterator[CommandLine]:
    """Yield a command line.

    Stop the server that an interrupted run may have started, because the next run would use it.
    """
    command = CommandLine(tmp_path / "home")
    new_database(command.home / "prefect")
    yield command
    if (command.home / "server.json").exists():
        command.run("server", "--stop")


@pytest.mark.parametrize("seconds", [0.6, 0.9])
def test_an_interrupt_during_the_start_sets_the_exit_code(line: CommandLine, tmp_path: Path, seconds: float) -> None:
    """The imports take a second, and the interrupt prints nothing."""
    with line.start("run", study(tmp_path / "study"), "--rehearse") as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False), err
