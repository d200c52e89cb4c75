"""Marks the runs of which a ledger may lack lines.

A process that works on a run keeps a file `uncopied.TOKEN` in the run's folder locked, with the name of its ledger. It
removes the file when the ledger has all lines. If the run or the ledger fails, or if the process is killed, the file
stays. It is unlocked when the process ends: until then, calls in flight may add lines. A process that marks a run as
promoted does the same, because the run may have ended and may have been copied long before.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from workbench.run.folder import ROOTS, UNCOPIED, RunFolder
from workbench.system.locks import is_locked, write_locked

#: The functions that remove the marks of this process, by the folder of the run.
_removals: dict[Path, Callable[[], None]] = {}


def mark(run: RunFolder, ledger: str) -> None:
    """Mark a run that this process changes. If the folder cannot be written, the change itself fails."""
    if run.path not in _removals:
        with suppress(OSError):
            _removals[run.path] = write_locked(run.path / f"{UNCOPIED}{secrets.token_hex(8)}", ledger.encode())


def unmark(run: RunFolder) -> None:
    """Remove the mark of this process. The ledger has all lines of the run."""
    if (remove := _removals.pop(run.path, None)) is not None:
        remove()


def left_marks(home: Path, ledger: str) -> Iterator[Path]:
    """Yield the mark of each process that has ended and that wrote into this ledger.

    A mark without a name fits all ledgers. It is left if WORKBENCH_LEDGER_URL was no address of a database.
    """
    for root in ROOTS:
        for file in sorted((home / root).glob(f"*/{UNCOPIED}*")):
            # Nobody can tell whose mark it is if another user wrote it, as after `sudo workbench run`.
            with suppress(OSError):
                if not is_locked(file) and file.read_bytes().decode(errors="replace") in ("", ledger):
                    yield file
