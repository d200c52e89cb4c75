"""Read and fill a ledger in tests."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.support.run_folder import add, begin, call
from workbench.ledger.database import Database
from workbench.ledger.rebuild import prepare
from workbench.ledger.run_rows import RunRows
from workbench.ledger.schema import metadata
from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables, sorted."""
    with database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in metadata.tables.values()
            if table.primary_key.columns
        }


def trial(run: RunFolder, number: int, score: float = 5.0, reason: str = "fine") -> None:
    """Add a trial with its execution and the answer that it needs to a run."""
    key = f"second{number}"
    run.append(AnswerRecord(task="execute", key=key, candidate="second", goal="g", replicate=number))
    call(run, ("execute", key, "ok"))
    add(run, "search", "second", number, score, reason)


def write_many(home: Path, environ: dict[str, str], writer: int, trials: int, start_at: float) -> None:
    """Begin a run, and copy each of its trials into the ledger at once. Many processes do this at the same time."""
    run = begin(home, name=f"run-{writer:02d}")
    copied = RunRows(run)
    time.sleep(max(0.0, start_at - time.time()))
    with Database.of(home, environ) as database:
        prepare(database, home)
        for number in range(trials):
            trial(run, number)
            copied.copy_new(database)
