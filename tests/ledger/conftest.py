"""Runs every test of the ledger on SQLite, and in `script/test services` on a real PostgreSQL, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgresql import PostgreSQL, running
from workbench.ledger.database import VARIABLE, Database


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """Yield a PostgreSQL server for all tests of the session."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.services)])
def environ(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the environment that names an empty database. Without a variable, it is SQLite under the home."""
    if request.param == "sqlite":
        return {}
    server: PostgreSQL = request.getfixturevalue("postgresql")
    return {VARIABLE: server.database(request.node.name)}


@pytest.fixture
def database(tmp_path: Path, environ: dict[str, str]) -> Iterator[Database]:
    """Yield the database of a home in `tmp_path`."""
    with Database.of(tmp_path, environ) as opened:
        yield opened
