"""Create the automations that notify a person, on the Prefect server at PREFECT_API_URL.

Run it once with `python deployments/automations.py` if `workbench server` has not started the server. Running it again
changes nothing. It also marks flow runs as crashed: those whose process has died on this machine, and those that no
process began within an hour.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from workbench.alerts import automations, notification
from workbench.commands import prefect_api
from workbench.errors import UserError, WorkbenchError
from workbench.foreign_text import printable
from workbench.system import loopback
from workbench.tasks.alive import mark_crashed
from workbench.tasks.failure import outside_failure


def server_url() -> str:
    """Return the address of the Prefect server's API, after checking that the server answers.

    Raises:
        UserError: PREFECT_API_URL is not set. Prefect itself would start a server for this process only.
        ServerUnavailable: the server does not answer, or refuses the login.
    """
    url = PREFECT_API_URL.value()
    if not url:
        raise UserError("PREFECT_API_URL is not set; expected the address of the Prefect server's API: set it")
    os.environ.update(loopback.exceptions(os.environ))
    prefect_api.check(str(url))
    return str(url)


def main() -> None:
    """Create the automations, and mark crashed flow runs. Print a line for each automation and flow run that changed.

    Raises:
        UserError: PREFECT_API_URL is not set, the address in WORKBENCH_NOTIFY_URL cannot be used, or the server has no
            work pool.
        ServerUnavailable: the server does not answer, or refuses the login.
    """
    url = server_url()
    try:
        with get_client(sync_client=True) as client:
            for name in automations.create(client, notification.webhook(None)):
                print(f"created or changed: {name}")
        for name in mark_crashed():
            print(f"marked as crashed: {printable(name)}")
    except Exception as error:
        raise outside_failure(error, url) or error from None


@contextmanager
def failures_as_messages() -> Iterator[None]:
    """End this process with the message and the exit code of a failure that is written for a person."""
    try:
        yield
    except WorkbenchError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    with failures_as_messages():
        main()
