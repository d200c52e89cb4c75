"""Yields the Prefect server that a benchmark uses."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from workbench.system import prefect_server
from workbench.system.prefect_server import Server


def add_server_option(parser: ArgumentParser) -> None:
    parser.add_argument("--server", type=Path, metavar="HOME", help="use the Prefect server that runs with this home")


@contextmanager
def used_server(running: Path | None, home: Path, environ: Mapping[str, str]) -> Iterator[Server]:
    """Yield the server that runs with a home. Without one, start a server, and stop it when the context ends.

    Args:
        running: the home of the running server, or None.
        home: the home of the new server.
        environ: the environment of the new server.
    """
    if running is not None:
        server = prefect_server.running_server(running)
        if server is None:
            raise SystemExit(
                f"--server {running}: no Prefect server runs with this home; start one with workbench server"
            )
        yield server
        return
    server = prefect_server.ensure(home, environ, lambda text: print(text, file=sys.stderr))
    try:
        yield server
    finally:
        prefect_server.stop(home)
