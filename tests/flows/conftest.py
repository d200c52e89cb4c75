"""One Prefect server for all that is tested here, started and stopped as a user would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which it answers."""
    owner = CommandLine(tmp_path_factory.mktemp("server"))
    ended = owner.run("server")
    assert ended.exit_code == 0, ended.stderr
    try:
        url = json.loads((owner.home / "server.json").read_text())["url"]
        yield {"PREFECT_API_URL": url, "PREFECT_HOME": str(owner.home / "prefect")}
    finally:
        stopped = owner.run("server", "--stop")
        assert "stopped" in stopped.stdout


@pytest.fixture
def line(server: dict[str, str], tmp_path: Path) -> CommandLine:
    """The command, with an empty home."""
    return CommandLine(tmp_path / "home", server)
