"""`workbench webhook`: take GitHub's push deliveries, and emit an event for each new head."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from workbench.commands.output import err, out
from workbench.commands.prefect_api import use_server
from workbench.errors import UserError
from workbench.foreign_text import printable
from workbench.system.files import private_files
from workbench.system.home import home
from workbench.system.imports import without_collection


def webhook(
    *,
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65_535))],
    config: Path,
    host: str = "127.0.0.1",
) -> int:
    """Take GitHub's push deliveries until interrupted, and emit the event pipeline.repo.changed for each new head.

    WORKBENCH_WEBHOOK_SECRET holds the secret that signs the deliveries. The page docs/guide/webhook.md shows
    how GitLab and a plain git server send deliveries.

    Parameters
    ----------
    port
        The port; 0 chooses a free port.
    config
        A YAML file with a list of entries {repository, branch, study, paths}.
    host
        The address to listen on. Default: this machine only.
    """
    # Imported here to keep the start of other commands fast.
    import uvicorn

    from workbench.repository.deliveries import SECRET_VARIABLE, Deliveries
    from workbench.repository.receiver import application
    from workbench.repository.webhook_config import read_config

    secret = os.environ.get(SECRET_VARIABLE, "").strip()
    if not secret:
        raise UserError(f"{SECRET_VARIABLE} is not set; expected the secret that signs the deliveries: set it")
    entries = read_config(config)
    with without_collection():
        use_server()
        # Prefect reads its settings at import. Therefore this is imported only now.
        from workbench.tasks.emit import emit

    deliveries = Deliveries(entries, home(), os.environ, emit)
    app = application(deliveries, secret, lambda line: err.print(printable(line), markup=False, highlight=False))
    with private_files(), _listener(host, port) as listener:
        name = f"[{host}]" if ":" in host else host
        out.print(f"http://{name}:{listener.getsockname()[1]}", highlight=False)
        settings = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=5)
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(settings).run([listener])
    return 0


def _listener(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the port.

    Raises:
        UserError: the address or the port cannot be used.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise UserError(
            f"--host {host} --port {port} cannot be used ({error.strerror}); expected an address of this machine and a "
            "free port; use another port, or 0 for any free port"
        ) from error
