"""What a run really did: one line of JSON for every call that was made, in `journal.jsonl` of the run's folder.

Reports count from here and not from memory, so that a retried or killed run still tells what it cost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Literal

from workbench.errors import Interrupted, OutsideError
from workbench.run.folder import RunFolder
from workbench.run.record import Record

Action = Literal["propose", "execute", "score"]


class CallRecord(Record):
    """One call. `kind` is "ok", or the failure's kind; `seconds` is wall time; `at` is Unix time of the end."""

    FILE: ClassVar[str] = "journal.jsonl"

    action: Action
    key: str
    kind: str
    seconds: float
    at: float


@contextmanager
def attempt(run: Path | None, action: Action, key: str) -> Iterator[None]:
    """Write down one call, however it ends. Without a run folder nothing is written.

    Raises:
        OutsideError: the journal cannot be written. The call is not made then.
    """
    if run is not None:
        RunFolder(run).check_appendable(CallRecord)
    begun = time.monotonic()
    kind = "interrupted"
    try:
        yield
        kind = "ok"
    except OutsideError as error:
        kind = error.kind
        raise
    except Interrupted:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise
    finally:
        if run is not None:
            call = CallRecord(action=action, key=key, kind=kind, seconds=time.monotonic() - begun, at=time.time())
            RunFolder(run).append(call)


def read(run: Path) -> list[CallRecord]:
    """Return all calls in the order in which they were written down.

    Raises:
        RunNotFound, RunTooNew: as `RunFolder.lines` does.
    """
    return RunFolder(run).lines(CallRecord)
