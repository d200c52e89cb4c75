"""Holds the lock of a flow run until its process ends, and marks flow runs as crashed that no process works on.

The process of a deployed flow run ends if its Prefect server is silent for a long time. Nobody watches this process as
a person watches a command.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectException
from prefect.logging import get_run_logger
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_API_URL

from workbench.alerts import holders
from workbench.errors import OutsideError
from workbench.foreign_text import printable
from workbench.system.home import ensure_usable, home
from workbench.system.server_client import POLL_SECONDS, silent
from workbench.tasks.failure import server_unavailable

#: A server that has not answered for this many seconds ends the process of a deployed flow run.
SILENT_SECONDS = 600.0


@contextmanager
def alive() -> Iterator[None]:
    """Hold the lock of this flow run until the process ends. Mark flow runs as crashed that no process works on.

    The lock is on a file, and the system releases it when the process ends. So the lock shows that the process lives.
    It is taken first, and a flow does nothing before: a killed process may have begun this flow run before, and may
    have left its file. Then another process would take the flow run for dead.
    """
    run: Any = flow_run.id
    folder = ensure_usable(home())
    if deployment.id is not None:
        end_without_server(str(PREFECT_API_URL.value()))
    with holders.held(folder, str(run), str(PREFECT_API_URL.value())):
        # If other flow runs cannot be marked, this flow run goes on.
        with suppress(httpx.HTTPError, PrefectException):
            for name in mark_crashed():
                get_run_logger().warning(f"Marked as crashed, because no process works on it: {printable(name)}")
        yield


@functools.cache
def end_without_server(url: str, seconds: float = SILENT_SECONDS, poll: float = POLL_SECONDS) -> None:
    """End this process if the Prefect server at this address does not answer for `seconds`, at any time from now on.

    A second call for the same address does nothing.

    The flow itself fails much earlier, and buys nothing more (`server_watched`). Then Prefect tries a few times to send
    the state of the flow run. A server that comes back meanwhile gets the state, and lets the flow run try again. If
    nothing takes the connections, Prefect gives up after one to three minutes, and the process ends. A server that
    takes connections and says nothing holds each try up for a minute, so this function ends the process earlier. In
    both cases, the next flow run marks this one as crashed.
    """

    def watch() -> None:
        if silent(url, seconds, threading.Event(), poll):
            print(server_unavailable(url, f"no answer for {seconds:.0f} s"), file=sys.stderr, flush=True)
            os._exit(OutsideError.exit_code)

    threading.Thread(target=watch, name="workbench-server-silence", daemon=True).start()


def mark_crashed() -> list[str]:
    """Mark flow runs as crashed that no process works on any more, and return their names.

    Raises:
        httpx.HTTPError, PrefectException: the server does not answer, or refuses a request.
    """
    # Imported here, because a process that only watches a repository needs no report.
    from workbench.upkeep.dead_runs import end_dead_runs

    with get_client(sync_client=True) as client:
        return end_dead_runs(home(), client, str(PREFECT_API_URL.value()))
