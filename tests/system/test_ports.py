"""A reserved port goes to the server that it is reserved for, and to nobody else."""

from __future__ import annotations

import socket

import pytest

from workbench.system.ports import reserved


def test_a_server_can_listen_on_its_reserved_port() -> None:
    with reserved() as port, socket.create_server(("127.0.0.1", port)) as server:
        socket.create_connection(server.getsockname()).close()
        server.accept()[0].close()


def test_nobody_else_gets_a_reserved_port() -> None:
    """A socket that does not set SO_REUSEADDR needs the port for itself, as an outgoing connection does."""
    with reserved() as port, socket.socket() as other, pytest.raises(OSError, match="Address already in use"):
        other.bind(("127.0.0.1", port))
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))


def test_a_port_on_which_a_server_listens_cannot_be_reserved() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(OSError, match="Address already in use"), reserved(taken):
            pytest.fail("the port was reserved")
