"""Writes the journal of a run: one line of JSON in `journal.jsonl` for every call that was made.

Reports count calls in the journal, not in memory. Therefore the costs of a retried or killed run are known, too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import ClassVar, Literal

from workbench.errors import BudgetUsedUp, Interrupted, OutsideError
from workbench.foreign_text import storable
from workbench.money.meter import Meter
from workbench.money.price import Cost
from workbench.money.purse import purse_of
from workbench.run.file_format import Record
from workbench.run.folder import RunFolder
from workbench.run.record import UnixTime

Action = Literal["propose", "execute", "score", "draw"]


class CallRecord(Record):
    """One call.

    Attributes:
        kind: "ok", or the kind of the failure.
        seconds: wall time.
        at: Unix time of the end.
        message: the message of a failure of the outside world; empty for every other end.
        cost: what the call cost. None if nothing was charged, or if an older version wrote the record.
    """

    FILE: ClassVar[str] = "journal.jsonl"

    action: Action
    key: str
    kind: str
    seconds: float
    at: UnixTime
    message: str = ""
    cost: Cost | None = None


#: Sends the records of a process that does not have the run's folder. If it is None, the folder gets the records.
_sender: ContextVar[Callable[[CallRecord], None] | None] = ContextVar("_sender", default=None)


@contextmanager
def sent_to(send: Callable[[CallRecord], None]) -> Iterator[None]:
    """Give every record of this thread to `send` until the block ends, and write none into the run's folder."""
    token = _sender.set(send)
    try:
        yield
    finally:
        _sender.reset(token)


class SentJournal:
    """Adds the records that other processes have sent to the journal of a run, each of them once.

    The journal is read once, before the first record is added. Only an earlier attempt of the run can have written a
    record that is sent again, because this process remembers what it adds.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._known: set[str] | None = None

    def add(self, record: CallRecord) -> None:
        """Write a record, unless the journal has it already.

        Raises:
            OutsideError: the journal cannot be written.
            RunNotFound, RunTooNew: the journal cannot be read.
        """
        if self._known is None:
            self._known = {written.model_dump_json() for written in self._run.lines(CallRecord)}
        line = record.model_dump_json()
        if line not in self._known:
            self._run.append(record)
            self._known.add(line)


@contextmanager
def attempt(run: Path | None, action: Action, key: str) -> Iterator[Meter]:
    """Write a record of one call when the block ends in any way. Write nothing if `run` is None.

    A call that the run's budget in dollars did not allow was not made, so it gets no record.

    Yields:
        The meter of the call. The record holds the cost that the block tells the meter.

    Raises:
        OutsideError: the journal cannot be written. Then the call is not made.
    """
    if run is not None and _sender.get() is None:
        RunFolder(run).check_appendable(CallRecord)
    meter = Meter(action, purse_of(run))
    start = time.monotonic()
    kind, message, has_record = "interrupted", "", True
    try:
        yield meter
        kind = "ok"
    except BudgetUsedUp as error:
        kind, message, has_record = error.kind, error.message, meter.cost is not None
        raise
    except OutsideError as error:
        kind, message = error.kind, error.message
        raise
    except Interrupted:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise
    finally:
        if run is not None and has_record:
            seconds, at = time.monotonic() - start, time.time()
            _write(
                run,
                CallRecord(action=action, key=key, kind=kind, seconds=seconds, at=at, message=message, cost=meter.cost),
            )


def note_other_model(run: Path | None, action: Action, key: str, asked: str, answering: str) -> None:
    """Write a record if a provider answered with another model than the requested model."""
    if run is not None:
        kind = f"{answering} answered instead of {asked}"
        _write(run, CallRecord(action=action, key=key, kind=kind, seconds=0.0, at=time.time()))


def read(run: Path) -> list[CallRecord]:
    """Return all calls of a run in the order of their ends.

    Raises:
        RunNotFound, RunTooNew: as `RunFolder.lines` does.
    """
    return RunFolder(run).lines(CallRecord)


def _write(run: Path, record: CallRecord) -> None:
    """Write a record into the run's journal, or send it if another process writes the journal."""
    record = record.model_copy(update={"kind": storable(record.kind), "message": storable(record.message)})
    send = _sender.get()
    if send is None:
        RunFolder(run).append(record)
    else:
        send(record)
