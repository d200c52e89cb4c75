"""Prepares a process that answers asks but does not run the flow: a worker of a Dask or Ray cluster.

The flow's process has opened the run: it has taken the keys, prepared the runtime, and opened the run's folder. A
worker takes the keys and prepares the runtime itself before its first answer. A worker on another machine has no folder
of the run. It writes the records of the journal into the bucket of answers, and the flow adds them to the journal.
"""

from __future__ import annotations

import atexit
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from workbench.errors import ExecutionFailed, OutsideError
from workbench.execution.runtimes import runtime_of
from workbench.nouns import DrawRequest, Engine, ExecutionRequest, Pipeline, ScoreRequest
from workbench.providers import Provider
from workbench.run import journal
from workbench.run.file_format import parse
from workbench.run.folder import RunFolder
from workbench.run.journal import CallRecord
from workbench.search.proposal import ProposalRequest
from workbench.system import loopback
from workbench.system.files import PRIVATE_FOLDER
from workbench.system.home import ensure_usable, home
from workbench.system.locks import try_lock
from workbench.system.storage import VARIABLE, Bucket
from workbench.tasks import answers, keys
from workbench.tasks.prefect_events import send_events_in_batches
from workbench.tasks.prefect_log import quieten_task_runs

#: The pause between two tries to take the lock of an answer that another process buys, in seconds.
LOCK_SECONDS = 0.5
#: The shortest time between two searches for records that workers have sent, in seconds.
PAUSE_SECONDS = 5.0

Request = ExecutionRequest | ScoreRequest | ProposalRequest | DrawRequest

_lock = threading.Lock()
#: The runtimes that this process has prepared.
_prepared: set[Engine] = set()
#: The variables for which this process has looked for a Secret block.
_looked_up: set[str] = set()


@contextmanager
def at_work(request: Request, task: str, key: str) -> Iterator[Any]:
    """Prepare this process for an answer. Yield the answer if another process has bought it meanwhile, else None.

    In the flow's own process, this does nothing. The flow has prepared the process, and claims each key itself.

    Raises:
        OutsideError: this machine cannot do the run's work.
    """
    run = request.run
    if run is None or RunFolder(run).worked_on_here:
        yield None
        return
    lock = _prepare_process(request) / "locks" / f"worker-{task}-{key}"
    release = try_lock(lock)
    waited = release is None
    while release is None:
        time.sleep(LOCK_SECONDS)
        release = try_lock(lock)
    try:
        with journal.sent_to(_sender(run)) if not run.is_dir() else nullcontext():
            yield _kept(task, key) if waited else None
    finally:
        release()


class SentRecords:
    """The records of a run's journal that workers without the run's folder have sent. Use it in the flow's thread only.

    When the block of this context manager ends, the records that have arrived are added to the journal.
    """

    def __init__(self, run: RunFolder) -> None:
        self._folder = f"journal/{run.name}"
        self._journal = journal.SentJournal(run)
        self._storage = answers.storage()
        self._searched_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: BaseException | TracebackType | None) -> None:
        # If the run has failed, this failure is raised, and not the failure to read its records.
        with suppress(OSError) if kind is not None else nullcontext():
            self.take_in(now=True)

    def take_in(self, *, now: bool = False) -> None:
        """Add the sent records to the journal, unless the last search for them was less than `PAUSE_SECONDS` ago."""
        storage = self._storage
        if not isinstance(storage, Bucket) or (not now and time.monotonic() - self._searched_at < PAUSE_SECONDS):
            return
        self._searched_at = time.monotonic()
        for name in storage.names(self._folder):
            content = storage.read(name)
            if content is not None:
                # If the flow dies before the file is removed, the next attempt finds the record in the journal already.
                self._journal.add(parse(CallRecord, content.decode(), name))
                storage.remove(name)


def _prepare_process(request: Request) -> Path:
    """Prepare this process for a request, and return its WORKBENCH_HOME.

    Each key is looked up once, and each runtime is prepared once.
    """
    folder = ensure_usable(home())
    with _lock:
        # Threads of this process write files at any time, so the permissions are set for all of them and stay.
        os.umask(0o777 & ~PRIVATE_FOLDER)
        os.environ.update(loopback.exceptions(os.environ))
        quieten_task_runs()
        send_events_in_batches()
        missing = [variable for variable in _variables(request) if variable not in _looked_up]
        _looked_up.update(missing)
        keys.take(missing, os.environ)
        if isinstance(request, ExecutionRequest):
            _prepare(request.pipeline)
    return folder


def _variables(request: Request) -> Iterator[str]:
    """Yield the variables that the request may need and that the environment lacks."""
    for provider in _providers(request):
        if not provider.rehearsal and not any(os.environ.get(variable) for variable in provider.service.keys):
            yield provider.service.keys[0]
    if isinstance(request, ExecutionRequest):
        needs = runtime_of(request.pipeline.engine).needs(request.pipeline)
        yield from (variable for variable in needs.variables if not os.environ.get(variable))


def _providers(request: Request) -> tuple[Provider, ...]:
    """Return the providers that may be called for a request."""
    match request:
        case ExecutionRequest():
            return request.providers
        case ScoreRequest() | DrawRequest():
            return (request.judge.provider,)
        case ProposalRequest():
            return (request.provider,)


def _prepare(pipeline: Pipeline) -> None:
    """Prepare the runtime for the life of this process.

    Raises:
        ExecutionFailed: the runtime cannot be started here, or has another version than the execution's key says.
    """
    if pipeline.engine not in _prepared:
        runtime = runtime_of(pipeline.engine)
        runtime.prepare()
        atexit.register(runtime.close)
        _prepared.add(pipeline.engine)
    version = runtime_of(pipeline.engine).version()
    if version != pipeline.version:
        raise ExecutionFailed(
            f"this worker's runtime is {version}; expected {pipeline.version}, as on the machine of the flow; install "
            "the same version of Workbench and of the pipeline on every machine",
            kind="other runtime",
            lasting=True,
        )


def _kept(task: str, key: str) -> Any:
    """Return the kept answer, or None if there is none or it cannot be used."""
    try:
        return answers.read(answers.storage(), task, key)
    except answers.NoAnswer:
        return None


def _sender(run: Path) -> Callable[[CallRecord], None]:
    """Return the function that sends a record of the journal to the flow of a run.

    Raises:
        OutsideError: there is no bucket to send it through.
    """
    storage = answers.storage()
    if not isinstance(storage, Bucket):
        raise OutsideError(
            f"this worker has no folder {run}; expected the WORKBENCH_HOME of the flow, or a bucket that both use; set "
            f"{VARIABLE}=s3://BUCKET/FOLDER on every machine, and run the same command again",
            kind="other home",
            lasting=True,
        )

    def send(record: CallRecord) -> None:
        storage.write(f"journal/{run.name}/{uuid.uuid4().hex}", record.model_dump_json().encode())

    return send
