"""A real PostgreSQL server for tests, in a temporary folder and on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from workbench.system.ports import reserved

#: The password of the user `workbench`. No message and no file may hold it.
PASSWORD = "geheimes passwort/0815"


@dataclass(frozen=True)
class PostgreSQL:
    """A running server. The user `workbench` owns the databases that `database` makes."""

    binaries: Path
    folder: Path
    port: int

    def database(self, name: str) -> str:
        """Create an empty database, and return its address with the password."""
        self.sql(f'CREATE DATABASE "{name}" OWNER workbench')
        return self.address(name)

    def address(self, name: str) -> str:
        """Return the address of a database, with the password."""
        return f"postgresql://workbench:{quote(PASSWORD, safe='')}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str) -> None:
        """Execute a statement as the server's owner."""
        options = ["-h", str(self.folder), "-p", str(self.port), "-d", "postgres", "-v", "ON_ERROR_STOP=1"]
        _as_owner(self.binaries / "psql", *options, "-c", statement)


@contextmanager
def running() -> Iterator[PostgreSQL]:
    """Start a server, and stop it when the block ends. Its files are removed."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="workbench-postgresql-"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    data = folder / "data"
    _as_owner(binaries / "initdb", "-D", data, "-A", "scram-sha-256", "--auth-local=trust", "--no-sync", "-E", "UTF8")
    with reserved() as port:
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=100"
        _as_owner(binaries / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-t", 300, "-o", options, "start")
        try:
            server = PostgreSQL(binaries, folder, port)
            server.sql(f"CREATE ROLE workbench LOGIN CREATEDB PASSWORD '{PASSWORD}'")
            yield server
        finally:
            _as_owner(binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
            shutil.rmtree(folder)


def _binaries() -> Path:
    """Return the folder of the newest installed server's programs. Debian does not put them on the PATH."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: float(file.parts[-3]))
    if programs:
        return programs[-1].parent
    on_path = shutil.which("initdb")
    if on_path is None:
        pytest.fail("there is no PostgreSQL server on this machine: run script/packages postgresql")
    return Path(on_path).parent


def _as_owner(program: Path, *arguments: object) -> None:
    """Run a program of PostgreSQL to its end. The programs refuse to run as root, so root becomes `postgres` first."""
    become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.getuid() == 0 else []
    # pg_ctl leaves the server running, which would keep a pipe open.
    with tempfile.TemporaryFile("w+") as output:
        command = [*become, str(program), *map(str, arguments)]
        process = subprocess.run(command, stdout=output, stderr=output, cwd="/", timeout=300, check=False)
        output.seek(0)
        assert process.returncode == 0, output.read()
