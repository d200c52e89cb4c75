"""A new database of a Prefect server, made once for each version of Prefect: its migrations take 12 s of CPU."""

from __future__ import annotations

import fcntl
import importlib.metadata
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.command_line import PREFECT


def new_database(prefect_home: Path) -> None:
    """Put a new, migrated database into the folder that a server will get as PREFECT_HOME."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "workbench-tests")
    cache.mkdir(parents=True, exist_ok=True)
    file = cache / f"prefect-{importlib.metadata.version('prefect')}.db"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            with tempfile.TemporaryDirectory() as folder:
                command = [PREFECT, "server", "database", "upgrade", "-y"]
                subprocess.run(command, env={**os.environ, "PREFECT_HOME": folder}, check=True, capture_output=True)
                shutil.copy(Path(folder, "prefect.db"), file.with_suffix(".part"))
            file.with_suffix(".part").rename(file)
    prefect_home.mkdir(parents=True, exist_ok=True)
    shutil.copy(file, prefect_home / "prefect.db")
