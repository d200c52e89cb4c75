"""A new database of a Prefect server, made once for each version of Prefect: its migrations take 12 s of CPU time."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import shutil
import sqlite3
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

from tests.support.command_line import PREFECT

#: The variables with which a server takes the database as it is. By default, each start looks for migrations, and
#: writes all types of blocks, which takes a quarter of the start's CPU time.
AS_IT_IS = {"PREFECT_API_DATABASE_MIGRATE_ON_START": "false", "PREFECT_API_BLOCKS_REGISTER_ON_START": "false"}


def new_database(prefect_home: Path) -> dict[str, str]:
    """Put a new database with all types of blocks into the folder that a server will get as PREFECT_HOME.

    Return the variables for the server.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "workbench-tests")
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / f"prefect-{importlib.metadata.version('prefect')}-blocks.db"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                _make(Path(folder))
                database, copy = sqlite3.connect(Path(folder, "prefect.db")), sqlite3.connect(file.with_suffix(".part"))
                # The server leaves a part of the database in its log, so a copy of the file would lack that part.
                with closing(database), closing(copy):
                    database.backup(copy)
            file.with_suffix(".part").rename(file)
    prefect_home.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, prefect_home / "prefect.db")
    return AS_IT_IS


def _make(prefect_home: Path) -> None:
    """Make a database. Without an address, the command starts a server for itself, which does that."""
    environ = {
        **os.environ,
        "PREFECT_HOME": str(prefect_home),
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "600",
    }
    subprocess.run([PREFECT, "block", "type", "ls"], env=environ, check=True, capture_output=True)
