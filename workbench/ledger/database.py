"""Opens the ledger's database: a SQLite file under WORKBENCH_HOME, or the database that WORKBENCH_LEDGER_URL names.

Turns each failure of the database into `LedgerFailed`. The messages have no password in them.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from workbench.errors import LedgerFailed, LedgerRefused
from workbench.foreign_text import scrubbed
from workbench.system.files import PRIVATE_FILE, write_new
from workbench.system.imports import installation

#: The variable that names another database, and the name of the file under WORKBENCH_HOME.
VARIABLE = "WORKBENCH_LEDGER_URL"
FILE = "ledger.db"
#: The kind of the failure if the SQLite file is no database any more.
DAMAGED = "damaged ledger"
EXPECTED = "postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////FOLDER/FILE"
#: The ledger's schema in PostgreSQL. It keeps the ledger's tables apart from other tables.
POSTGRESQL_SCHEMA = "workbench"
#: How long a writer waits for another writer, and how long a connection may take.
LOCK_SECONDS, CONNECT_SECONDS = 60, 20
#: The number of PostgreSQL's advisory lock. Writers share it. A process that makes the tables holds it alone.
ADVISORY_LOCK = 0x776F726B


@dataclass(frozen=True)
class Database:
    """The ledger's database. It may not exist yet. At the end of a `with` block, its connection is closed.

    Attributes:
        place: the database as a person names it, without its password.
        secrets: the parts of its address that no message may show.
        own: True for the file under WORKBENCH_HOME.
    """

    engine: Engine
    place: str
    secrets: tuple[str, ...]
    own: bool

    @classmethod
    def of(cls, home: Path, environ: Mapping[str, str]) -> Database:
        """Return the database for this home. Connects to nothing.

        Raises:
            LedgerRefused: WORKBENCH_LEDGER_URL names no such database.
        """
        url = _url(home, environ)
        engine = _sqlite(url) if url.get_backend_name() == "sqlite" else _postgresql(url)
        secrets = tuple(str(part) for part in (url.password, *url.query.values()) if part)
        return cls(engine, _place(url), secrets, own=not environ.get(VARIABLE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    @property
    def file(self) -> Path | None:
        """Return the file of an SQLite database, and None for another database."""
        url = self.engine.url
        return Path(str(url.database)) if url.get_backend_name() == "sqlite" else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection in a transaction.

        Raises:
            LedgerFailed: the database cannot be reached or read.
        """
        self._create_file()
        with self._failures(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, *, alone: bool = False) -> Iterator[Connection]:
        """Yield a connection in a transaction that takes its turn with other writers. A failure writes nothing.

        Args:
            alone: wait until nobody else writes. In SQLite, one transaction at a time writes anyway.

        Raises:
            LedgerFailed: the database cannot be reached or written.
        """
        self._create_file()
        with self._failures(), self.engine.connect() as connection:
            connection.execution_options(writing=True)
            with connection.begin():
                if self.file is None:
                    lock = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
                    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
                    connection.execute(text(f"SELECT {lock}({ADVISORY_LOCK})"))
                yield connection

    def remove_file(self) -> bool:
        """Remove a damaged SQLite file with the files that belong to it. Return True if it was removed.

        Only Workbench's own file is removed. The address of another file may be a mistake.
        """
        if not self.own:
            return False
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.file}{suffix}").unlink(missing_ok=True)
        return True

    def _create_file(self) -> None:
        """Create the SQLite file if it is missing, readable for its owner only and with a write-ahead log.

        The file is made elsewhere and appears as a whole. Opening and closing it outside of SQLite would release
        SQLite's locks.
        """
        if self.file is None or self.file.exists():
            return
        try:
            with tempfile.TemporaryDirectory(prefix="workbench-") as folder:
                file = Path(folder, FILE)
                with closing(sqlite3.connect(file)) as connection:
                    # In this mode, readers do not wait for writers.
                    connection.execute("PRAGMA journal_mode = WAL")
                with suppress(FileExistsError):
                    write_new(self.file, file.read_bytes(), PRIVATE_FILE)
        except (OSError, sqlite3.Error) as error:
            raise self._failed(getattr(error, "strerror", None) or str(error)) from error

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn each failure of the database in the block into LedgerFailed."""
        try:
            yield
        except DBAPIError as error:
            # The error's own message also holds the statement with its values, which a model may have written.
            damaged = type(error.orig) is sqlite3.DatabaseError
            raise self._failed(str(error.orig), kind=DAMAGED if damaged else "ledger") from None
        except SQLAlchemyError as error:
            raise self._failed(type(error).__name__) from None

    def _failed(self, reason: str, kind: str = "ledger") -> LedgerFailed:
        remedy = "mend that, then run workbench ledger rebuild" if kind == DAMAGED else "mend that"
        cause = scrubbed(" ".join(reason.split()), self.secrets)[:300]
        return LedgerFailed(
            f"the ledger {self.place} cannot be used ({cause}); expected a database that answers and has room; "
            f"{remedy}",
            kind=kind,
            lasting=True,
        )


def _url(home: Path, environ: Mapping[str, str]) -> URL:
    """Return the address of the database, or refuse it. No message shows the address itself."""
    value = environ.get(VARIABLE)
    if not value:
        return URL.create("sqlite", database=str(home / FILE))
    try:
        url = make_url(value)
    except (ArgumentError, ValueError):
        raise LedgerRefused(f"{VARIABLE} is not the address of a database; expected {EXPECTED}") from None
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        if not url.database:
            raise LedgerRefused(f"{VARIABLE} names no database; expected {EXPECTED}")
        return url.set(drivername="postgresql+psycopg")
    if url.drivername != "sqlite":
        raise LedgerRefused(f"{VARIABLE} begins with {url.drivername}://; expected {EXPECTED}")
    if not url.database or url.database == ":memory:" or not Path(url.database).is_absolute():
        raise LedgerRefused(f"{VARIABLE} names no file by an absolute path; expected {EXPECTED}")
    return url


def ledger_name(home: Path, environ: Mapping[str, str]) -> str:
    """Return a name that tells this ledger from others; an empty text if WORKBENCH_LEDGER_URL names no database.

    The file under WORKBENCH_HOME has the same name in every home, because a home can be moved.
    """
    try:
        return _place(_url(home, environ)) if environ.get(VARIABLE) else FILE
    except LedgerRefused:
        return ""


def _place(url: URL) -> str:
    """Return the address without its password. Its options are left out, because an option may be a password, too."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(password=None, query={}, drivername="postgresql").render_as_string()


def _sqlite(url: URL) -> Engine:
    """Return the engine for a SQLite file. A transaction that writes takes SQLite's lock when it begins."""
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": LOCK_SECONDS})

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        # SQLAlchemy begins transactions itself. Python's sqlite3 would begin them later, without the lock.
        connection.isolation_level = None
        # With this setting and a write-ahead log, a power cut can lose the last writes, and damages nothing.
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that first reads and then writes would fail if another transaction wrote in between.
        writes = connection.get_execution_options().get("writing")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    """Return the engine for a PostgreSQL database.

    Raises:
        LedgerRefused: the package psycopg is not installed.
    """
    connect_args: dict[str, Any] = {"connect_timeout": CONNECT_SECONDS}
    try:
        # A run copies a few lines each second, and keeps one connection. The connection may break, so SQLAlchemy tests
        # it before each use.
        engine = create_engine(url, pool_size=1, max_overflow=0, pool_pre_ping=True, connect_args=connect_args)
    except ImportError:
        raise LedgerRefused(
            f"{VARIABLE} names a PostgreSQL database, and the package psycopg is not installed; expected it beside "
            f"Workbench; run {installation('postgresql')}"
        ) from None

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET search_path TO {POSTGRESQL_SCHEMA}")
        connection.commit()

    return engine
