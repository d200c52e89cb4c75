"""Fifty processes write at once, and lose nothing."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import pytest

from tests.support.ledger import everything, rows, write_many
from workbench.ledger.database import Database
from workbench.ledger.rebuild import rebuild

pytestmark = pytest.mark.processes

WRITERS, TRIALS = 50, 3


def test_fifty_writers_lose_nothing(tmp_path: Path, environ: dict[str, str], database: Database) -> None:
    """All of them find no ledger, and make it. Afterwards, the ledger equals the result of a rebuild."""
    context = multiprocessing.get_context("forkserver")
    # Python 3.11 finds only installed packages here.
    context.set_forkserver_preload(["workbench.ledger.rebuild", "sqlalchemy.dialects.sqlite", "psycopg"])
    start_at = time.time() + 3
    writers = [
        context.Process(target=write_many, args=(tmp_path, environ, number, TRIALS, start_at))
        for number in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    assert rows(database, "SELECT COUNT(*), COUNT(DISTINCT run) FROM trials") == [(WRITERS * TRIALS, WRITERS)]
    rows_in_ledger = everything(database)
    rebuild(database, tmp_path)
    assert everything(database) == rows_in_ledger
