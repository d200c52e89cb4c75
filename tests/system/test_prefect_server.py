"""The Prefect server in the background outlives the command that starts it, and there is only one for each home."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, wait_for
from tests.support.prefect_database import new_database
from workbench.system.prefect_server import running_server

pytestmark = pytest.mark.processes


def test_a_server_whose_command_was_killed_is_waited_for(tmp_path: Path) -> None:
    """A second server would use the same database, and nothing would ever stop the first."""
    line = CommandLine(tmp_path, new_database(tmp_path / "prefect"))
    first = line.start("server")
    wait_for((tmp_path / "server.json").exists)
    server = running_server(tmp_path)
    first.kill()
    first.communicate(timeout=60)
    try:
        again = line.run("server")
        assert (again.exit_code, running_server(tmp_path)) == (0, server), again.stderr
        assert "waiting for the Prefect server" in again.stderr
        assert "starting a Prefect server" not in again.stderr
    finally:
        assert "stopped" in line.run("server", "--stop").stdout
