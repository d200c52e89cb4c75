"""The guide's commands for PostgreSQL: a Prefect server and a ledger keep a run in a real PostgreSQL."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, CommandLine, study
from tests.support.ledger import rows
from tests.support.postgresql import PASSWORD, PostgreSQL, running
from workbench.ledger.database import VARIABLE, Database

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

GUIDE = CHECKOUT / "docs" / "guide" / "operations.md"


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgreSQL]:
    with running() as server:
        yield server


def test_the_commands_of_the_guide_put_prefect_and_the_ledger_into_postgresql(
    postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """A run with this server ends well. Its flow run and its trials are in the two databases."""
    section = GUIDE.read_text().partition("## PostgreSQL")[2].partition("\n## ")[0]
    server, ledger = re.findall(r"```text\n(.*?)```", section, flags=re.DOTALL)
    place = postgresql.address("").removeprefix("postgresql://").removesuffix("/")
    commands = (server + ledger).replace("USER:PASSWORD@HOST", place)
    assert commands.count(place) == 2
    file = study(tmp_path / "study", optimizer="static", budget=1)
    line = CommandLine(
        tmp_path / "home",
        {
            "PATH": f"{postgresql.binaries}:{CommandLine(tmp_path).env['PATH']}",
            **{"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port), "PGUSER": "workbench", "PGPASSWORD": PASSWORD},
        },
    )
    run = shlex.join([".venv/bin/workbench", "run", str(file), "--rehearse", "--json", str(tmp_path / "report.json")])
    try:
        ended = line.run("-ec", f"{commands}\n{run}", program=Path("/bin/bash"), timeout=600)
    finally:
        line.run("server", "--stop")
    assert ended.exit_code == 0, ended.stderr
    assert "lack a part of this run" not in ended.stderr
    report = json.loads((tmp_path / "report.json").read_text())
    with Database.of(tmp_path / "home", {VARIABLE: postgresql.address("ledger")}) as database:
        trials = rows(database, "SELECT run, outcome FROM trials")
        assert trials == [(report["run_id"], "ok")] * report["executions"]
    with Database.of(tmp_path / "home", {VARIABLE: postgresql.address("prefect")}) as database:
        assert rows(database, "SELECT state_type::text FROM public.flow_run") == [("COMPLETED",)]
    for file in (path for path in (tmp_path / "home").rglob("*") if path.is_file()):
        assert PASSWORD.encode() not in file.read_bytes(), file
