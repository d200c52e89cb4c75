"""Copies a run into the ledger while the run goes on. A failure of the ledger neither fails nor delays the run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.errors import LedgerFailed, WorkbenchError
from workbench.ledger.database import Database, ledger_name
from workbench.ledger.marks import left_marks, mark, unmark
from workbench.ledger.rebuild import prepare
from workbench.ledger.run_rows import RunRows
from workbench.run.folder import RunFolder

#: Seconds between two looks into the run's folder, and between two tries after a failure.
INTERVAL_SECONDS, PAUSE_SECONDS = 1.0, 30.0
#: How long the end of a run may wait for the last lines.
LAST_SECONDS = 10.0


@contextmanager
def followed(run: RunFolder, home: Path, environ: Mapping[str, str], warn: Callable[[str], None]) -> Iterator[None]:
    """Copy the lines that a run writes into the ledger, until the block ends. A thread reads the run's folder.

    The thread also copies runs of which the ledger lacks lines, because their process was killed or the ledger failed.

    Args:
        warn: called once, with a line, if the ledger fails. It may be called from the thread.
    """
    follower = _Follower(run, home, environ, warn)
    ended, ended_well = threading.Event(), threading.Event()

    def follow() -> None:
        pause, others_are_copied = 0.0, False
        while not ended.wait(pause):
            copied = follower.copy()
            pause = INTERVAL_SECONDS if copied else PAUSE_SECONDS
            if copied and not others_are_copied:
                copy_left_runs(home, environ, ended.is_set)
                others_are_copied = True
        follower.end(is_last=ended_well.is_set())

    mark(run, ledger_name(home, environ))
    thread = threading.Thread(target=follow, name="workbench-ledger", daemon=True)
    thread.start()
    try:
        yield
        ended_well.set()
    finally:
        ended.set()
        thread.join(LAST_SECONDS)
        if thread.is_alive():
            follower.warn_once(f"the ledger has not taken the last lines within {LAST_SECONDS:.0f} s")


def copy_run(run: RunFolder, home: Path, environ: Mapping[str, str], warn: Callable[[str], None]) -> None:
    """Copy a run that has ended into the ledger again. Only warn if the ledger fails. Then the run stays marked."""
    _Follower(run, home, environ, warn).end()


def copy_left_runs(home: Path, environ: Mapping[str, str], stops: Callable[[], bool] = lambda: False) -> None:
    """Copy the runs of which the ledger lacks lines, because the process that worked on them has ended too early.

    A run that cannot be read is left out, and `workbench ledger rebuild` names its reason. If the ledger fails, the
    other runs are left for the next time.

    Args:
        stops: tells whether to leave the other runs for the next time.
    """
    left = list(left_marks(home, ledger_name(home, environ)))
    if not left or stops():
        return
    with Database.of(home, environ) as database, suppress(WorkbenchError, OSError):
        prepare(database, home)
        for file in left:
            if stops():
                return
            try:
                RunRows(RunFolder(file.parent)).copy_new(database)
            except LedgerFailed:
                raise
            except WorkbenchError:
                continue
            file.unlink(missing_ok=True)


class _Follower:
    """Copies one run. Two threads may call `warn_once`. Only one thread calls the other methods."""

    def __init__(self, run: RunFolder, home: Path, environ: Mapping[str, str], warn: Callable[[str], None]) -> None:
        self._run = run
        self._home = home
        self._environ = environ
        self._warn = warn
        self._warned = False
        self._rows = RunRows(run)
        self._database: Database | None = None
        self._prepared = False

    def copy(self) -> bool:
        """Copy the new lines. Return True if the ledger has all lines now."""
        try:
            if self._database is None:
                self._database = Database.of(self._home, self._environ)
            if not self._prepared:
                prepare(self._database, self._home)
                self._prepared = True
            self._rows.copy_new(self._database)
        except WorkbenchError as error:
            self.warn_once(str(error))
            return False
        return True

    def end(self, *, is_last: bool = True) -> None:
        """Copy all lines and the result of the run again. Another process may have removed lines.

        Args:
            is_last: False if calls in flight may add lines, as after an interrupt. Then the run is copied again later.
        """
        self._rows = RunRows(self._run)
        if self.copy() and is_last:
            unmark(self._run)
        if self._database is not None:
            self._database.engine.dispose()

    def warn_once(self, reason: str) -> None:
        """Say that the ledger may lack a part of this run, and what copies it."""
        if not self._warned:
            self._warned = True
            self._warn(
                f"{reason}. The ledger, which is a copy of the run's folder, may lack a part of this run. The next "
                "run, or workbench ledger, copies what is missing"
            )
