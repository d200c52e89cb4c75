"""The Prefect server in the background outlives the command that starts it, and there is only one for each home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, wait_for
from tests.support.prefect_database import new_database
from workbench.system.prefect_server import running_server

pytestmark = pytest.mark.processes


def test_a_server_whose_command_was_killed_is_waited_for(tmp_path: Path, own_port: dict[str, str]) -> None:
    """A second server would use the same database, and nothing would ever stop the first."""
    line = CommandLine(tmp_path, {**new_database(tmp_path / "prefect"), **own_port})
    first = line.start("server")
    wait_for((tmp_path / "server.json").exists)
    server = running_server(tmp_path)
    assert server is not None
    # The server cannot answer before the second command has asked it.
    os.killpg(server.pid, signal.SIGSTOP)
    first.kill()
    first.communicate(timeout=60)
    try:
        with line.start("server") as again:
            assert again.stderr is not None
            assert "waiting for the Prefect server" in again.stderr.readline()
            os.killpg(server.pid, signal.SIGCONT)
            _, err = again.communicate(timeout=200)
        assert (again.returncode, running_server(tmp_path)) == (0, server), err
        assert "starting a Prefect server" not in err
    finally:
        os.killpg(server.pid, signal.SIGCONT)
        assert "stopped" in line.run("server", "--stop").stdout


def is_found(home: Path, folder: Path) -> bool:
    """Return whether a process that works in this folder is taken for the server of `home`, as soon as it runs."""
    with subprocess.Popen(["prefect server", "600"], executable="/bin/sleep", cwd=folder) as process:
        try:
            (home / "server.json").write_text(json.dumps({"pid": process.pid, "url": "http://127.0.0.1:9/api"}))
            return running_server(home) is not None
        finally:
            process.kill()


def test_a_server_is_found_in_its_first_moment(tmp_path: Path) -> None:
    """For a moment after its start, a process has no command line yet."""
    assert all(is_found(tmp_path, tmp_path) for _ in range(100))


def test_a_process_with_the_id_of_an_earlier_server_is_not_the_server(tmp_path: Path) -> None:
    """After a restart of the machine, process ids begin again. The process must be left alone."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    home.mkdir()
    elsewhere.mkdir()
    assert (is_found(home, elsewhere), is_found(home, home)) == (False, True)
    assert running_server(home) is None
