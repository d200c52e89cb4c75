"""A run that goes on is copied by a thread. A ledger that fails neither fails nor delays the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, wait_for
from tests.support.ledger import everything, rows, trial
from tests.support.run_folder import begin, call
from workbench.ledger import follow, schema
from workbench.ledger.database import FILE, VARIABLE, Database
from workbench.ledger.follow import copy_left_runs, copy_run, followed
from workbench.ledger.rebuild import rebuild
from workbench.run.folder import RunFolder

#: Works on a run, and is killed when the ledger has the first of two trials.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.support.command_line import wait_for
from tests.support.ledger import rows, trial
from tests.support.run_folder import begin
from workbench.ledger import follow
from workbench.ledger.database import Database
follow.INTERVAL_SECONDS = 600.0
home = Path(sys.argv[1])
run = begin(home, name="killed")
trial(run, 0)
with run.worked_on(), follow.followed(run, home, os.environ, print):
    wait_for(lambda: (home / "ledger.db").exists())
    wait_for(lambda: rows(Database.of(home, {}), "SELECT name FROM sqlite_master WHERE name = 'scores'") != [])
    wait_for(lambda: rows(Database.of(home, {}), "SELECT COUNT(*) FROM scores") == [(1,)])
    trial(run, 1)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the thread look more often than once a second."""
    monkeypatch.setattr(follow, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(follow, "PAUSE_SECONDS", 0.02)


def test_the_ledger_has_a_trial_soon_after_the_run(tmp_path: Path, environ: dict[str, str], database: Database) -> None:
    """The last lines are there when the block ends. Earlier runs are copied, too, because the ledger is new."""
    trial(begin(tmp_path, name="earlier"), 0)
    run = RunFolder.create(tmp_path, "20260101-000000-abcdef")
    warnings: list[str] = []
    with followed(run, tmp_path, environ, warnings.append):
        begin(tmp_path)
        trial(run, 0)
        wait_for(lambda: _trials(database) == 2)
        trial(run, 1)
    assert _trials(database) == 3
    assert warnings == []
    before = everything(database)
    rebuild(database, tmp_path)
    assert everything(database) == before


def _trials(database: Database) -> int:
    """Return how many trials the ledger has, and 0 while there is no ledger."""
    with database.reading() as connection:
        exists = schema.version(connection) is not None
    return int(rows(database, "SELECT COUNT(*) FROM scores")[0][0]) if exists else 0


@pytest.mark.parametrize(
    ("address", "words"),
    [("postgresql://u:geheim@127.0.0.1:1/x", "cannot be used (connection failed"), ("geheim", "is not the address of")],
)
def test_a_ledger_that_fails_is_one_warning(tmp_path: Path, address: str, words: str) -> None:
    """The block is not disturbed, and the warning has no password."""
    run, warnings = begin(tmp_path), list[str]()
    start = time.monotonic()
    with followed(run, tmp_path, {VARIABLE: address}, warnings.append):
        trial(run, 0)
        wait_for(lambda: bool(warnings))
    copy_run(run, tmp_path, {VARIABLE: address}, warnings.append)
    assert time.monotonic() - start < 50
    assert len(warnings) == 2
    assert words in warnings[0]
    assert warnings[0].endswith("the ledger, which is a copy of the run's folder, lacks a part of this run")
    assert "geheim" not in "".join(warnings)


def test_a_ledger_that_comes_back_gets_everything(tmp_path: Path) -> None:
    """The thread tries again after a failure, and copies all lines."""
    run, warnings = begin(tmp_path), list[str]()
    (tmp_path / FILE).mkdir()
    with followed(run, tmp_path, {}, warnings.append):
        trial(run, 0)
        wait_for(lambda: bool(warnings))
        shutil.rmtree(tmp_path / FILE)
    assert "unable to open database file" in warnings[0]
    assert rows(Database.of(tmp_path, {}), "SELECT COUNT(*) FROM trials") == [(1,)]


@pytest.mark.parametrize("copier", ["run", "command"])
def test_the_last_lines_of_a_killed_run_are_copied_later(tmp_path: Path, copier: str) -> None:
    """The next run copies them, and so does a command that asks the ledger. A run that goes on is left alone."""
    subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    database = Database.of(tmp_path, {})
    assert rows(database, "SELECT COUNT(*) FROM scores") == [(1,)]
    other, next_run = begin(tmp_path, name="other"), begin(tmp_path, name="next")
    trial(other, 0)
    with other.worked_on():
        other.set_uncopied(True)
        if copier == "run":
            with followed(next_run, tmp_path, {}, print):
                wait_for(lambda: rows(database, "SELECT COUNT(*) FROM scores") == [(2,)])
        else:
            output = tmp_path / "ledger.json"
            result = CommandLine(tmp_path).call("ledger", "--json", output)
            assert result.exit_code == 0, result.stderr
            assert [study["trials"] for study in json.loads(output.read_text())] == [2]
    left = [run.name for run in (tmp_path / "runs").iterdir() if (run / "uncopied").exists()]
    assert left == ["other"]


def test_a_call_that_ends_after_an_interrupt_is_copied_later(tmp_path: Path) -> None:
    """The calls in flight write their lines while the flow ends."""
    run = begin(tmp_path)
    with pytest.raises(KeyboardInterrupt), run.worked_on(), followed(run, tmp_path, {}, print):
        raise KeyboardInterrupt
    call(run, ("execute", "second0", "interrupted"))
    copy_left_runs(tmp_path, {})
    assert rows(Database.of(tmp_path, {}), "SELECT outcome FROM calls") == [("interrupted",)]
    assert not (run.path / "uncopied").exists()
