"""Asks a Prefect server that somebody else started, with Prefect's own client.

The server may need a login or headers. Only Prefect's client knows all the settings that hold them.
"""

from __future__ import annotations

import httpx

from workbench.errors import ServerUnavailable
from workbench.system import loopback


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
        raise ServerUnavailable(
            f"no Prefect server answers at PREFECT_API_URL={url}: start it, or unset PREFECT_API_URL "
            "to let Workbench start a server",
            kind="no server",
        ) from None
