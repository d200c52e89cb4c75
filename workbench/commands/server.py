"""`workbench server`: start or stop the background Prefect server."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from workbench.commands.output import err, out
from workbench.system import prefect_server
from workbench.system.home import home


def server(*, stop: Annotated[bool, Parameter(negative=())] = False) -> int:
    """Start the background Prefect server if it does not run, and print the address for PREFECT_API_URL.

    Parameters
    ----------
    stop
        Stop the server instead.
    """
    if stop:
        out.print("stopped the Prefect server" if prefect_server.stop(home()) else "no Prefect server was running")
    else:
        running = prefect_server.ensure(home(), os.environ, err.print)
        out.print(running.url, highlight=False)
        err.print(f"the Prefect UI is at {running.ui}", highlight=False)
    return 0
