"""Points Prefect to its server before a command runs a flow, and checks a server that somebody else started.

The check uses Prefect's own client. Such a server may need a login or headers, and only this client knows all the
settings that hold them.
"""

from __future__ import annotations

import logging
import os

import httpx

from workbench.commands.output import err
from workbench.errors import ServerUnavailable
from workbench.system import loopback, prefect_server, server_client
from workbench.system.home import ensure_usable, home


def use_server() -> None:
    """Point Prefect to the user's server, or to our background server. Must be called before Prefect is imported.

    Raises:
        UserError: WORKBENCH_HOME cannot be written to.
        ServerUnavailable: no server answers.
    """
    ensure_usable(home())
    os.environ.setdefault("PREFECT_HOME", prefect_server.prefect_home(home(), os.environ))
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    # By default, Prefect tries each request to a dead server for a minute.
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", "2")
    # Prefect's threads would print each event that they cannot send to a dead server.
    os.environ.setdefault("PREFECT_INTERNAL_LOGGING_LEVEL", "CRITICAL")
    # Prefect's log handler reports each line that it cannot send. These reports would stand in the middle of our own
    # lines, without a line break. `ServerUnavailable` says once that the server is gone.
    logging.raiseExceptions = False
    # `export PREFECT_API_URL=$(workbench server)` leaves an empty address behind if the server did not start. Prefect
    # would start a server for this process only, and the run and its events would be in no UI.
    url = os.environ.get("PREFECT_API_URL", "").strip().rstrip("/")
    # Prefect's clients and the models' clients run in this process. None of them may ask a proxy for a local server.
    os.environ.update(loopback.exceptions(os.environ))
    if not url:
        os.environ.update(server_client.client_variables(os.environ))
        os.environ["PREFECT_API_URL"] = prefect_server.ensure(home(), os.environ, err.print).url
    else:
        os.environ["PREFECT_API_URL"] = url
        check(url)


def check(url: str, timeout: float = 5.0) -> None:
    """Check that a Prefect server which somebody else started answers, and takes our login.

    Prefect's own client asks, with the login and the headers of Prefect's settings. Prefect reads its settings when it
    is imported here, so all of its variables must be set before.

    Raises:
        ServerUnavailable: the server does not answer, or refuses the login.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    try:
        with (
            temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
            get_client(httpx_settings={"timeout": timeout, "mounts": loopback.DIRECT}, sync_client=True) as client,
        ):
            # The health check needs no login, so a request that needs one follows.
            if (error := client.api_healthcheck()) is not None:
                raise error
            client.read_flows(limit=1)
    except Exception as error:
        status = error.response.status_code if isinstance(error, httpx.HTTPStatusError) else None
        if status in (401, 403):
            raise ServerUnavailable(
                f"the Prefect server at PREFECT_API_URL={url} refuses the login (HTTP {status}): set "
                "PREFECT_API_AUTH_STRING, PREFECT_API_KEY or PREFECT_CLIENT_CUSTOM_HEADERS to what the server expects",
                kind="no server",
                lasting=True,
            ) from None
        ending = "" if url.endswith("/api") else " (the address of its API usually ends in /api, unlike that of its UI)"
        raise ServerUnavailable(
            f"no Prefect server answers at PREFECT_API_URL={url}{ending}: start it, or unset PREFECT_API_URL to let "
            "Workbench start a server",
            kind="no server",
        ) from None
