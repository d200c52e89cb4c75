"""An interrupt ends a command in order even while the command still imports what it needs."""

from __future__ import annotations

import fcntl
import os
import signal
from pathlib import Path

import pytest

from tests.support.command_line import WORKBENCH, CommandLine, study, wait_for

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("package", ["cyclopts", "prefect"])
def test_an_interrupt_during_the_imports_sets_the_exit_code(tmp_path: Path, package: str) -> None:
    """The imports take seconds, and the interrupt prints nothing. Python tells which modules it has imported."""
    telling = {"PYTHONPROFILEIMPORTTIME": "1", "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    line = CommandLine(tmp_path / "home", telling)
    reading, writing = os.pipe()
    # The command waits until its lines are read. With the usual 64 kB, it could end before it gets the interrupt.
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with os.fdopen(reading) as stderr:
        with os.fdopen(writing, "w") as pipe:
            process = line.start("run", study(tmp_path / "study"), "--rehearse", stderr=pipe)
        with process:
            while package_of(stderr.readline()) != package:
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            err = stderr.read()
            process.communicate(timeout=300)
    printed = [text for text in err.splitlines() if not package_of(text)]
    assert (process.returncode, "Traceback" in err) == (130, False), printed


def package_of(text: str) -> str:
    """Return the package whose module was imported when this line was written, or "" for a line of the command."""
    return text.rpartition("|")[2].strip().partition(".")[0] if text.startswith("import time:") else ""


def test_an_interrupt_ends_a_command_whose_parent_ignores_interrupts(tmp_path: Path) -> None:
    """A job of a script has such a parent. The command ends before it starts a server."""
    line = CommandLine(tmp_path / "home")
    ignoring = ("-c", 'trap "" INT; exec "$@"', "sh", WORKBENCH, "calibrate", study(tmp_path / "study"), "--rehearse")

    def has_ended() -> bool:
        # Until Python runs our first lines, it ignores the interrupt.
        process.send_signal(signal.SIGINT)
        return process.poll() is not None

    with line.start(*ignoring, program=Path("/bin/sh")) as process:
        wait_for(lambda: b"workbench" in Path(f"/proc/{process.pid}/comm").read_bytes())
        wait_for(has_ended)
        _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")
    assert not (line.home / "server.json").exists()
