"""Connects a flow run with its surroundings: the Prefect server, other runs on this machine, and their failures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRunPolicy
from prefect.exceptions import PrefectException
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL

from workbench.errors import OutsideError, ServerUnavailable, UserError
from workbench.search.ask_kinds import PaidAsk
from workbench.system.locks import try_lock
from workbench.system.server_client import silent
from workbench.tasks.failure import outside_failure, server_unavailable
from workbench.tasks.prefect_log import show_failures_as_sentences

#: A server that has not answered for this many seconds ends the run. A restart takes less.
LOST_SECONDS = 15.0


def claim(home: Path) -> Callable[[PaidAsk], Callable[[], None] | None]:
    """Return the function that claims an ask's key, so that two runs on a machine do not buy one answer twice.

    The claim is a lock on the file `locks/TASK-KEY` below `home`. It dies with the process that holds it.
    """

    def claim_key(ask: PaidAsk) -> Callable[[], None] | None:
        return try_lock(home / "locks" / f"{ask.task}-{ask.key}")

    return claim_key


@contextmanager
def server_watched(interrupt: Callable[[Exception], None]) -> Iterator[None]:
    """Call `interrupt` with a ServerUnavailable if the Prefect server stops answering before the block ends.

    Prefect itself sends the states of task runs in the background, and does not notice that no server takes them.
    """
    url, ended = PREFECT_API_URL.value(), threading.Event()

    def watch() -> None:
        if silent(str(url), LOST_SECONDS, ended):
            interrupt(server_unavailable(str(url), f"no answer for {LOST_SECONDS:.0f} s"))

    thread = threading.Thread(target=watch, name="workbench-server-watch", daemon=True)
    if url is not None:
        thread.start()
    try:
        yield
    finally:
        ended.set()


@contextmanager
def outside_failures() -> Iterator[None]:
    """Raise failures of Prefect and of the machine as WorkbenchErrors. Prevent a retry of a run whose failure lasts.

    Prefect logs such a failure as a sentence, without a traceback.
    """
    show_failures_as_sentences()
    try:
        yield
    except Exception as error:
        failure = outside_failure(error, PREFECT_API_URL.value())
        if failure is None:
            raise
        lasting = isinstance(failure, UserError) or (isinstance(failure, OutsideError) and failure.lasting)
        if lasting and not isinstance(failure, ServerUnavailable):
            _prevent_retry()
    else:
        return
    raise failure


def _prevent_retry() -> None:
    """Set the retries of the flow run to 0 on the server, which decides about a retry when the run has failed."""
    run: Any = flow_run.id
    if run is not None:
        with suppress(httpx.HTTPError, PrefectException), get_client(sync_client=True) as client:
            client.update_flow_run(UUID(run), empirical_policy=FlowRunPolicy(retries=0))


def run_name() -> str:
    """Return a name that is the same for every attempt of a flow run. Names sort by time."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}-{flow_run.id[:8]}"


def due() -> str:
    """Return the time at which the flow run was due, for its name. Two runs within a minute get different names."""
    return f"{flow_run.scheduled_start_time:%Y-%m-%d %H:%M:%S}"


def tag_flow_run(study: str, work: str, *, rehearsal: bool) -> None:
    """Add tags to the flow run, so that the UI's filters find it. A failure is ignored: tags are only for display.

    Args:
        work: the optimizer, or the flow, such as `requalify`.
        rehearsal: whether scripted models answer.
    """
    run: Any = flow_run.id
    tags = {*flow_run.tags, study, work, *(["rehearsal"] if rehearsal else [])}
    with suppress(httpx.HTTPError, PrefectException), get_client(sync_client=True) as client:
        client.update_flow_run(UUID(run), tags=sorted(tags))
