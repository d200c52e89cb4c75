"""Prints why a command ends. Ends a command whose flow failed, or whose Prefect server does not answer any more."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from workbench.commands.output import err
from workbench.errors import MissingKey, OutsideError, WorkbenchError
from workbench.foreign_text import printable
from workbench.system.interruption import GracefulInterrupt

#: What `run`, `calibrate` and `rubric` print after an interrupt, and after a failure that lost no paid result.
KEPT_MESSAGE = "all paid results are kept, and the same command continues the run"
#: A server that has not answered for this many seconds ends the process. The flow itself gives up earlier, but Prefect
#: then waits up to a minute for each request to a server that takes it and does not answer.
SILENT_SECONDS = 40.0
SILENCE = f"no answer for {SILENT_SECONDS:.0f} s"


def print_error(error: WorkbenchError) -> int:
    """Print an error as a message, and return the exit code."""
    err.print(printable(str(error)), markup=False, highlight=False)
    if isinstance(error, OutsideError) and can_continue(error):
        err.print(KEPT_MESSAGE)
    return error.exit_code


def can_continue(error: OutsideError | None = None) -> bool:
    """Return True if all paid results are kept and the same command goes on, after this error or an interrupt.

    Only `run`, `calibrate` and `rubric` continue where they stopped. If a provider's key is missing, nothing was paid.
    After a failure of the storage, a paid result may be lost, and the error itself says what to do.
    """
    lost = error is not None and (isinstance(error, MissingKey) or error.kind == "storage")
    return sys.argv[1:2] in (["run"], ["calibrate"], ["rubric"]) and not lost


@contextmanager
def running_flow(before_exit: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Run a flow in the block. An interrupt, or a Prefect server that is silent, ends the command in order.

    `use_server` must have been called before: it sets the server's address.

    Args:
        before_exit: a function that is called before a silent server ends the process. Its failure is ignored.

    Raises:
        WorkbenchError: the flow failed because of the outside world.
    """
    # Prefect reads its settings at import. Therefore this is imported only now.
    from workbench.tasks.failure import outside_failure, server_unavailable

    url = os.environ["PREFECT_API_URL"]
    try:
        with GracefulInterrupt(), _ended_without_server(url, lambda: server_unavailable(url, SILENCE), before_exit):
            yield
    except Exception as error:
        raise outside_failure(error, url) or error from None


@contextmanager
def _ended_without_server(
    url: str, unavailable: Callable[[], WorkbenchError], before_exit: Callable[[], None]
) -> Iterator[None]:
    """End the process with a message if the server at this address does not answer for SILENT_SECONDS.

    Args:
        unavailable: returns the error to print.
        before_exit: a function that is called before the process ends. Its failure is ignored.
    """
    # Imported here, because most verbs run no flow and send no requests.
    from workbench.system.server_client import silent

    ended = threading.Event()

    def watch() -> None:
        if silent(url, SILENT_SECONDS, ended):
            with suppress(Exception):
                before_exit()
                sys.stdout.flush()
            os._exit(print_error(unavailable()))

    threading.Thread(target=watch, name="workbench-server-silence", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
