"""Keeps a port of this machine for a server that is about to start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved(port: int = 0) -> Iterator[int]:
    """Yield this port of 127.0.0.1, or any free port for 0, and keep it until the block ends.

    A server needs seconds from the choice of its port until it listens there. Meanwhile, the system gives the port to
    no connection, and to no other server that asks for any free port. A server that sets SO_REUSEADDR can listen on the
    port all the same. Nearly all servers set it.

    Raises:
        OSError: the port is not free.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        number: int = holder.getsockname()[1]
        yield number
