"""Chooses the port of the Prefect server in the background."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workbench.errors import ServerUnavailable
from workbench.system.ports import reserved

#: The port of a server if the user names none and the home had no server before.
PREFERRED_PORT = 4200
#: The variable with which the user names a port, and the file in the home with the port of the last server.
PORT_VARIABLE = "PREFECT_SERVER_API_PORT"
PORT_FILE = "server-port"


@contextmanager
def unused(home: Path, environ: Mapping[str, str]) -> Iterator[int]:
    """Yield the port for a new server: the port that the user names.

    If the user names no port, yield the first free port: that of the home's last server, the preferred port, or any.
    The port stays reserved until the block ends.

    Raises:
        ServerUnavailable: the user's port is not free or is no port, or no port is free.
    """
    for port in _ports(home, environ):
        with ExitStack() as ending:
            # The socket claims the port until the block ends, because servers of two homes may start at the same time.
            claim = ending.enter_context(socket.socket(socket.AF_UNIX))
            try:
                if port:
                    claim.bind(f"\0workbench-port-{port}-{os.getuid()}")
                free = ending.enter_context(reserved(port))
            except OSError:
                continue
            yield free
            return
    user_port = environ.get(PORT_VARIABLE)
    where = f"the port {user_port} of {PORT_VARIABLE} is not free" if user_port else "no port is free"
    raise ServerUnavailable(
        f"{where} on 127.0.0.1: end the program that listens there{', or name another port' if user_port else ''}",
        kind="no server",
        lasting=True,
    )


def _ports(home: Path, environ: Mapping[str, str]) -> list[int]:
    """Return the ports to try, in this order. 0 stands for any free port."""
    if user_port := environ.get(PORT_VARIABLE):
        if not (user_port.isascii() and user_port.isdigit() and 0 < int(user_port) < 65_536):
            raise ServerUnavailable(
                f"{PORT_VARIABLE}={user_port} is no port; expected a number from 1 to 65535: set one, or unset it",
                kind="no server",
                lasting=True,
            )
        return [int(user_port)]
    return [*_last_port(home), PREFERRED_PORT, 0]


def _last_port(home: Path) -> list[int]:
    """Return the port of the last server of this home, or nothing."""
    try:
        port = int((home / PORT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [port] if 0 < port < 65_536 else []
