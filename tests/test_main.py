"""An interrupt ends a command in order even while the command still imports what it needs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import WORKBENCH, CommandLine, study, wait_for
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


def test_an_interrupt_ends_a_command_whose_parent_ignores_interrupts(line: CommandLine, tmp_path: Path) -> None:
    """A job of a script has such a parent. The command ends before it starts a server."""
    ignoring = ("-c", 'trap "" INT; exec "$@"', "sh", WORKBENCH, "calibrate", study(tmp_path / "study"), "--rehearse")

    def has_ended() -> bool:
        # Until Python runs our first lines, it ignores the interrupt.
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    with line.start(*ignoring, program=Path("/bin/sh")) as process:
        wait_for(lambda: b"workbench" in Path(f"/proc/{process.pid}/comm").read_bytes())
        wait_for(has_ended)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert not (line.home / "server.json").exists()
