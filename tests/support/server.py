"""One Prefect server for each pytest worker. It is started and stopped with the command, as a user does it.

Each process of pytest imports this module, also the one that runs no tests. So only the fixtures import Workbench.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.command_line import CommandLine


@pytest.fixture(scope="session")
def server_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Yield the command line of the user who has started the server.

    The pytest workers share no server: four runs at once keep SQLite locked for seconds.
    """
    from tests.support.command_line import CommandLine
    from tests.support.prefect_database import new_database

    home = tmp_path_factory.mktemp("der Prefect-Servör")
    owner = CommandLine(home, new_database(home / "prefect"))
    result = owner.run("server")
    assert result.exit_code == 0, result.stderr
    url = json.loads((owner.home / "server.json").read_text())["url"]
    # Other programs take the address from standard output.
    assert result.stdout == f"{url}\n"
    assert f"the Prefect UI is at {url.removesuffix('/api')}\n" in result.stderr
    try:
        yield owner
    finally:
        stopped = owner.call("server", "--stop")
        assert "stopped" in stopped.stdout


@pytest.fixture(scope="session")
def server(server_owner: CommandLine) -> dict[str, str]:
    """Return the environment variables with which a command finds the server."""
    url = json.loads((server_owner.home / "server.json").read_text())["url"]
    return {"PREFECT_API_URL": url, "PREFECT_HOME": str(server_owner.home / "prefect")}


@pytest.fixture
def own_port() -> Iterator[dict[str, str]]:
    """Yield the variable with a port for a server that the test kills.

    Otherwise, the server of another test could take the port of the killed server, and answer in its place.
    """
    from workbench.system.ports import reserved
    from workbench.system.server_port import PORT_VARIABLE

    with reserved() as port:
        yield {PORT_VARIABLE: str(port)}
