"""The port of the background server: the user's, else the last one, else the preferred one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from workbench.errors import ServerUnavailable
from workbench.system import server_port
from workbench.system.server_port import PORT_FILE, PORT_VARIABLE


@pytest.fixture
def taken() -> Iterator[int]:
    """Listen on a port while the test lasts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def port(home: Path, **environ: str) -> int:
    with server_port.unused(home, environ) as chosen:
        return chosen


def test_the_port_that_the_user_names_is_taken_or_refused(tmp_path: Path, taken: int) -> None:
    """No other port is used instead, because the user's own settings name this one."""
    named = free_port()
    (tmp_path / PORT_FILE).write_text(f"{free_port()}\n")
    assert port(tmp_path, **{PORT_VARIABLE: str(named)}) == named
    with pytest.raises(ServerUnavailable, match=f"port {taken} of {PORT_VARIABLE} is not free on 127.0.0.1"):
        port(tmp_path, **{PORT_VARIABLE: str(taken)})


@pytest.mark.parametrize("named", ["0", "65536", "x", "-1", "4200 "])
def test_an_invalid_port_is_reported(tmp_path: Path, named: str) -> None:
    with pytest.raises(ServerUnavailable, match="expected a number from 1 to 65535"):
        port(tmp_path, **{PORT_VARIABLE: named})


def test_a_server_that_is_started_again_has_the_port_of_the_last_one(tmp_path: Path) -> None:
    """Two homes that start a server at the same moment get different ports."""
    last = free_port()
    (tmp_path / PORT_FILE).write_text(f"{last}\n")
    with server_port.unused(tmp_path, {}) as chosen:
        assert chosen == last
        assert port(tmp_path) != last


@pytest.mark.parametrize("content", ["", "x", "99999", "-4"])
def test_a_stored_port_that_is_taken_or_damaged_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, content: str
) -> None:
    preferred = free_port()
    monkeypatch.setattr(server_port, "PREFERRED_PORT", preferred)
    (tmp_path / PORT_FILE).write_text(content)
    assert port(tmp_path) == preferred
    (tmp_path / PORT_FILE).write_text(str(taken))
    assert port(tmp_path) == preferred
    monkeypatch.setattr(server_port, "PREFERRED_PORT", taken)
    assert port(tmp_path) not in (0, taken)
