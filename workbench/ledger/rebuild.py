"""Makes the ledger from the run folders, which are the primary record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, select, text

from workbench.errors import LedgerFailed, LedgerRefused, UserError
from workbench.ledger import run_rows, schema
from workbench.ledger.database import DAMAGED, EXPECTED, POSTGRESQL_SCHEMA, VARIABLE, Database
from workbench.ledger.run_rows import NewLines
from workbench.run.folder import ROOTS, RunFolder
from workbench.run.record import RunRecord

#: Takes the number of copied runs and the number of all runs.
Progress = Callable[[int, int], None]


@dataclass
class Rebuilt:
    """What a rebuild did.

    Attributes:
        runs: the names of the runs that were copied from their folders.
        lines: how many trials, answers and calls they have.
        without_folder: the runs that are only in the ledger: pruned runs, and runs of other machines.
        unreadable: why a folder could not be copied, by the run's name.
        forgot: True if the runs without a folder were removed from the ledger.
    """

    runs: list[str] = field(default_factory=list)
    lines: int = 0
    without_folder: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)
    forgot: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return {
            "runs": self.runs,
            "lines": self.lines,
            "without_folder": self.without_folder,
            "forgot": self.forgot,
            "unreadable": self.unreadable,
        }


def prepare(database: Database, home: Path) -> None:
    """Make the ledger from the run folders if it is missing, or if another version of Workbench made it.

    Raises:
        LedgerFailed: the database failed.
        LedgerRefused: the database holds something else.
    """
    with database.reading() as connection:
        if schema.version(connection) == schema.SCHEMA:
            return
    with database.writing(alone=True) as connection:
        # Another process may have made the ledger meanwhile.
        if schema.version(connection) != schema.SCHEMA:
            _make(connection, database.place)
            _fill(connection, home, lambda done, total: None)


def rebuild(
    database: Database, home: Path, *, forget: bool = False, progress: Progress = lambda done, total: None
) -> Rebuilt:
    """Copy every run folder into the ledger again. Writers wait meanwhile, and readers see the ledger as it was.

    Args:
        forget: remove the runs that have no folder here. By default, they stay.
        progress: called with the number of copied runs and the number of all runs.

    Raises:
        LedgerFailed: the database failed. The ledger is as it was.
        LedgerRefused: the database holds something else.
    """
    try:
        return _rebuild(database, home, forget, progress)
    except LedgerFailed as error:
        if error.kind != DAMAGED or not database.remove_file():
            raise
    return _rebuild(database, home, forget, progress)


def _rebuild(database: Database, home: Path, forget: bool, progress: Progress) -> Rebuilt:
    with database.writing(alone=True) as connection:
        if schema.version(connection) != schema.SCHEMA:
            _make(connection, database.place)
        rebuilt = _fill(connection, home, progress)
        if forget:
            rebuilt.forgot = True
            for run in rebuilt.without_folder:
                _remove(connection, run)
    return rebuilt


def _make(connection: Connection, place: str) -> None:
    """Create the empty tables. Never remove tables that are not the ledger's."""
    if connection.dialect.name == "postgresql" and not inspect(connection).has_schema(POSTGRESQL_SCHEMA):
        connection.execute(text(f"CREATE SCHEMA {POSTGRESQL_SCHEMA}"))
    if schema.version(connection) is None and not schema.is_empty(connection):
        raise LedgerRefused(
            f"{place} holds tables that are not the ledger's; expected an empty database; set {VARIABLE} to {EXPECTED}"
        )
    schema.create(connection)


def _fill(connection: Connection, home: Path, progress: Progress) -> Rebuilt:
    """Replace the rows of every run that has a folder."""
    rebuilt = Rebuilt()
    paths = [path for root in ROOTS for path in sorted((home / root).glob("*/"))]
    folders = [RunFolder(path) for path in paths if RunFolder(path).has(RunRecord)]
    runs_without_folder = set(connection.scalars(select(schema.runs.c.run)))
    for done, folder in enumerate(folders):
        progress(done, len(folders))
        runs_without_folder.discard(folder.name)
        try:
            lines = NewLines.of(folder, {})
            with connection.begin_nested():
                _remove(connection, folder.name)
                run_rows.write(connection, folder, lines)
        except UserError as error:
            rebuilt.unreadable[folder.name] = str(error)
        else:
            rebuilt.runs.append(folder.name)
            rebuilt.lines += lines.number
    rebuilt.without_folder = sorted(runs_without_folder)
    return rebuilt


def _remove(connection: Connection, run: str) -> None:
    for table in reversed(schema.RUN_TABLES):
        connection.execute(table.delete().where(table.c.run == run))
