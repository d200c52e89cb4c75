"""`workbench server`: start or stop the background Prefect server."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from workbench.alerts import automations, notification
from workbench.commands.output import err, out
from workbench.foreign_text import printable
from workbench.system import prefect_server, server_client
from workbench.system.home import home
from workbench.upkeep.dead_runs import end_dead_runs


def server(*, stop: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Start the background Prefect server if it does not run, and print the address for PREFECT_API_URL.

    The server gets automations that notify you of a failed run, a failed look at a repository, a stuck run and the
    loss of the last worker. Flow runs whose process was killed are marked as crashed.

    Parameters
    ----------
    stop
        Stop the server instead.
    """
    if stop:
        out.print("stopped the Prefect server" if prefect_server.stop(home()) else "no Prefect server was running")
    else:
        webhook = notification.webhook(None)
        running = prefect_server.ensure(home(), os.environ, err.print)
        out.print(running.url, highlight=False)
        err.print(f"the Prefect UI is at {running.ui}", highlight=False)
        with server_client.api(running.url, os.environ) as api:
            automations.create(api, webhook)
            for name in end_dead_runs(home(), api, running.url):
                err.print(f"marked as crashed: {printable(name)}", highlight=False, markup=False)
    return 0
