"""A run that goes on is copied by a thread. A ledger that fails neither fails nor delays the run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, wait_for
from tests.support.ledger import everything, rows, trial
from tests.support.run_folder import begin
from workbench.ledger import follow, marks, schema
from workbench.ledger.database import FILE, VARIABLE, Database, ledger_name
from workbench.ledger.follow import copy_left_runs, copy_run, followed
from workbench.ledger.marks import mark, unmark
from workbench.ledger.rebuild import rebuild
from workbench.run.folder import RunFolder

#: Works on a run, and is killed when the ledger has the first trial.
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
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the thread look more often than once a second. Remove the marks that a process keeps until its end."""
    monkeypatch.setattr(follow, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(follow, "PAUSE_SECONDS", 0.02)
    yield
    for folder in list(marks._removals):
        unmark(RunFolder(folder))


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
    assert warnings[0].endswith(
        "may lack a part of this run. The next run, or workbench ledger, copies what is missing"
    )
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
    # The process itself could write this trial just in time for its copy.
    trial(RunFolder(tmp_path / "runs" / "killed"), 1)
    database = Database.of(tmp_path, {})
    assert rows(database, "SELECT COUNT(*) FROM scores") == [(1,)]
    other, next_run = begin(tmp_path, name="other"), begin(tmp_path, name="next")
    trial(other, 0)
    with other.worked_on():
        mark(other, FILE)
        if copier == "run":
            with followed(next_run, tmp_path, {}, print):
                wait_for(lambda: rows(database, "SELECT COUNT(*) FROM scores") == [(2,)])
        else:
            output = tmp_path / "ledger.json"
            result = CommandLine(tmp_path).call("ledger", "--json", output)
            assert result.exit_code == 0, result.stderr
            assert [study["trials"] for study in json.loads(output.read_text())] == [2]
    assert [file.parent.name for file in (tmp_path / "runs").glob("*/uncopied.*")] == ["other"]
    unmark(other)


#: Is interrupted while a call is in flight. A command asks the ledger before the call writes its line.
INTERRUPTED = """
import os, sys
from pathlib import Path
from tests.support.run_folder import begin, call
from workbench.ledger.follow import copy_left_runs, followed
home = Path(sys.argv[1])
run = begin(home)
try:
    with run.worked_on(), followed(run, home, os.environ, print):
        raise KeyboardInterrupt
except KeyboardInterrupt:
    copy_left_runs(home, os.environ)
    call(run, ("execute", "second0", "interrupted"))
"""


def test_a_call_that_ends_after_an_interrupt_is_copied_later(tmp_path: Path) -> None:
    """The calls in flight write their lines while the flow ends."""
    subprocess.run([sys.executable, "-c", INTERRUPTED, tmp_path], check=True)
    copy_left_runs(tmp_path, {})
    assert rows(Database.of(tmp_path, {}), "SELECT outcome FROM calls") == [("interrupted",)]
    assert not list((tmp_path / "runs").glob("*/uncopied.*"))


#: Promotes a run whose copy is in the ledger already, and is killed before it copies the run again.
PROMOTING = """
import os, signal, sys
from pathlib import Path
from tests.support.run_folder import ended
from workbench.champion.champions import Champions
from workbench.champion.promotion import promote
from workbench.ledger.database import ledger_name
from workbench.ledger.follow import copy_run
from workbench.ledger.marks import mark

home = Path(sys.argv[1])
run = ended(home)
copy_run(run, home, os.environ, print)
champions = Champions("study_one", home / "prompts", "Write the plan.")
promote(run, champions, before_change=lambda changed: mark(changed, ledger_name(home, os.environ)))
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_promotion_whose_process_was_killed_is_copied_later(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", PROMOTING, tmp_path], check=False)
    database = Database.of(tmp_path, {})
    assert rows(database, "SELECT promoted FROM runs") == [(None,)]
    copy_left_runs(tmp_path, {})
    assert rows(database, "SELECT promoted FROM runs") == [(2,)]
    assert not list((tmp_path / "runs").glob("*/uncopied.*"))


def left_by(home: Path, ledger: str, name: str) -> RunFolder:
    """Return a run with a trial and with the mark of a process that has ended."""
    run = begin(home, name=name)
    trial(run, 0)
    (run.path / "uncopied.0").write_text(ledger)
    return run


def test_a_run_is_copied_into_the_ledger_of_its_process(tmp_path: Path) -> None:
    """A shell may name another ledger than the worker, or none. An address that is no database fits every ledger."""
    team = {VARIABLE: f"sqlite:///{tmp_path}/team.db"}
    names = [ledger_name(tmp_path, environ) for environ in ({}, team, {VARIABLE: "geheim"})]
    assert names == [FILE, f"{tmp_path}/team.db", ""]
    for name in names:
        left_by(tmp_path, name, f"run-{len(name)}")
    for environ, copied in (({}, {f"run-{len(FILE)}", "run-0"}), (team, {f"run-{len(names[1])}"})):
        before = {file.parent.name for file in (tmp_path / "runs").glob("*/uncopied.0")}
        copy_left_runs(tmp_path, environ)
        assert before - {file.parent.name for file in (tmp_path / "runs").glob("*/uncopied.0")} == copied


def test_runs_that_cannot_be_copied_now_stay_marked(tmp_path: Path) -> None:
    """The end of a run does not wait for them, and neither does a command whose ledger fails again and again."""
    runs = [left_by(tmp_path, FILE, name) for name in ("a", "b")]
    copy_left_runs(tmp_path, {}, lambda: True)
    (tmp_path / FILE).mkdir(exist_ok=True)
    copy_left_runs(tmp_path, {})
    assert all((run.path / "uncopied.0").exists() for run in runs)
    (tmp_path / FILE).rmdir()
    (runs[0].path / "run.json").write_text("{")
    copy_left_runs(tmp_path, {})
    assert [(run.path / "uncopied.0").exists() for run in runs] == [True, False]
