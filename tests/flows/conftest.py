"""Prefect servers for the tests of this folder. They are started and stopped with the command, as a user does it."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.prefect_database import new_database
from workbench.system.files import exclusive_lock


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Yield the environment variables with which a command finds the server of all pytest workers.

    The first of them starts the server, and the last one stops it: a start takes 10 s of CPU.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    owner = CommandLine(folder / "der Prefect-Servör")
    with (folder / "server-users.lock").open("w") as users:
        with exclusive_lock(folder / "server-start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            if not (owner.home / "server.json").exists():
                start(owner)
        try:
            yield variables(owner)
        finally:
            with exclusive_lock(folder / "server-start.lock"):
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    # Another pytest worker still uses the server.
                    pass
                else:
                    stop(owner)


@pytest.fixture(scope="session")
def server_owner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Yield the command line of the user whose own server runs. Deployments and workers may be there.

    No other pytest worker has this server: its worker would execute the flow runs of all deployments.
    """
    owner = CommandLine(tmp_path_factory.mktemp("deployments"))
    start(owner)
    try:
        yield owner
    finally:
        stop(owner)


@pytest.fixture
def line(server: dict[str, str], tmp_path: Path) -> CommandLine:
    """Return the command line of a user with an empty home, whose path has blanks and letters beyond ASCII."""
    return with_new_home(tmp_path, server)


@pytest.fixture
def deploying(server_owner: CommandLine, tmp_path: Path) -> CommandLine:
    """Return the command line of a user with an empty home, on a server that may have deployments and workers."""
    return with_new_home(tmp_path, variables(server_owner))


def with_new_home(folder: Path, variables: dict[str, str]) -> CommandLine:
    home = folder / "mein Zuhause für Pläne"
    home.mkdir()
    return CommandLine(home, variables)


def start(owner: CommandLine) -> None:
    """Start a server with a new database. Other programs take its address from standard output."""
    new_database(owner.home / "prefect")
    result = owner.run("server")
    assert result.exit_code == 0, result.stderr
    url = variables(owner)["PREFECT_API_URL"]
    assert result.stdout == f"{url}\n"
    assert f"the Prefect UI is at {url.removesuffix('/api')}\n" in result.stderr


def variables(owner: CommandLine) -> dict[str, str]:
    """Return the environment variables with which a command finds the owner's server."""
    url = json.loads((owner.home / "server.json").read_text())["url"]
    return {"PREFECT_API_URL": url, "PREFECT_HOME": str(owner.home / "prefect")}


def stop(owner: CommandLine) -> None:
    stopped = owner.run("server", "--stop")
    assert "stopped" in stopped.stdout
