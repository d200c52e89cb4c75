"""One Prefect server for all tests of this folder. It is started and stopped with the command, as a user does it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment variables with which a command finds the server."""
    owner = CommandLine(tmp_path_factory.mktemp("der Prefect-Servör"))
    result = owner.run("server")
    assert result.exit_code == 0, result.stderr
    try:
        url = json.loads((owner.home / "server.json").read_text())["url"]
        yield {"PREFECT_API_URL": url, "PREFECT_HOME": str(owner.home / "prefect")}
    finally:
        stopped = owner.run("server", "--stop")
        assert "stopped" in stopped.stdout


@pytest.fixture
def line(server: dict[str, str], tmp_path: Path) -> CommandLine:
    """Return the command line of a user with an empty home, whose path has blanks and letters beyond ASCII."""
    home = tmp_path / "mein Zuhause für Pläne"
    home.mkdir()
    return CommandLine(home, server)
