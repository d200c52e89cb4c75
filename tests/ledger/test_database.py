"""The ledger's database: its address, its permissions, and its failures."""

from __future__ import annotations

import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.ledger import everything, trial
from tests.support.run_folder import begin
from workbench.errors import LedgerFailed, LedgerRefused
from workbench.ledger.database import FILE, VARIABLE, Database
from workbench.ledger.rebuild import prepare, rebuild


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("geheim", "is not the address of a database"),
        ("mysql://user:geheim@host/x", "begins with mysql://"),
        ("postgresql+asyncpg://user:geheim@host/x", r"begins with postgresql\+asyncpg://"),
        ("postgresql://user:geheim@host", "names no database"),
        ("postgresql://user:geheim@host:port/x", "is not the address of a database"),
        ("sqlite:///relative/geheim.db", "names no file by an absolute path"),
        ("sqlite://", "names no file by an absolute path"),
    ],
)
def test_a_wrong_address_is_the_users_to_mend(tmp_path: Path, address: str, words: str) -> None:
    """The message says what is expected, and shows no password."""
    with pytest.raises(LedgerRefused, match=f"{VARIABLE} {words}.*; expected postgresql://USER") as caught:
        Database.of(tmp_path, {VARIABLE: address})
    assert "geheim" not in str(caught.value)


def test_without_psycopg_the_message_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(LedgerRefused, match=r"pip install 'workbench\[postgresql\]'"):
        Database.of(tmp_path, {VARIABLE: "postgresql://user:geheim@127.0.0.1/x"})


@pytest.mark.parametrize("options", ["", "?password=geheim&sslcert=geheim", "?application_name=geheim"])
def test_no_message_of_a_failure_has_the_password(tmp_path: Path, options: str) -> None:
    """This holds for the password of the address and for a password among its options."""
    address = f"postgresql://user:geheim@127.0.0.1:1/x{options}"
    with Database.of(tmp_path, {VARIABLE: address}) as database, pytest.raises(LedgerFailed) as caught:
        prepare(database, tmp_path)
    assert "the ledger postgresql://user:***@127.0.0.1:1/x cannot be used (connection failed" in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_only_the_owner_can_read_the_file(tmp_path: Path) -> None:
    """This holds for the file and for the files that SQLite puts beside it while it writes."""
    database = Database.of(tmp_path, {})
    prepare(database, tmp_path)
    with database.writing(), database.reading():
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}


def test_a_damaged_file_is_reported_and_replaced_by_a_rebuild(tmp_path: Path) -> None:
    """A file that the user named is not removed: its address may be a mistake."""
    trial(begin(tmp_path), 0)
    database = Database.of(tmp_path, {})
    prepare(database, tmp_path)
    before = everything(database)
    (tmp_path / FILE).write_bytes(b"no database" * 1000)
    with pytest.raises(LedgerFailed, match=r"file is not a database.*run workbench ledger rebuild"):
        prepare(database, tmp_path)
    named = Database.of(tmp_path, {VARIABLE: f"sqlite:///{tmp_path / FILE}"})
    with pytest.raises(LedgerFailed, match="file is not a database"):
        rebuild(named, tmp_path)
    rebuild(database, tmp_path)
    assert everything(database) == before


def test_a_database_with_other_tables_is_refused(tmp_path: Path) -> None:
    """Nothing in the database is changed."""
    file = tmp_path / "other.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE runs (mine TEXT)")
    database = Database.of(tmp_path, {VARIABLE: f"sqlite:///{file}"})
    for make in (prepare, rebuild):
        with pytest.raises(LedgerRefused, match=f"{file} holds tables that are not the ledger's"):
            make(database, tmp_path)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("runs",)]
