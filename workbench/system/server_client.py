"""Sends HTTP requests to a Prefect server, without Prefect: asks if it answers, and logs in if it needs a login."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import httpx

from workbench.errors import ServerUnavailable
from workbench.system import loopback
from workbench.system.certificates import certificates

#: For how many seconds a busy server is asked again.
BUSY_SECONDS = 10
#: The pause between two questions whether a server still answers, in seconds.
POLL_SECONDS = 2.0
#: The HTTP statuses with which a server refuses a login.
LOGIN_REFUSED = (401, 403)


def healthy(url: str, timeout: float = 5.0) -> bool:
    """Return True if a Prefect API answers at this address within `timeout` seconds. No login is needed for that."""
    try:
        with _client(timeout) as client:
            return client.get(f"{url.rstrip('/')}/health").status_code == 200
    except (httpx.HTTPError, httpx.InvalidURL):
        return False


def silent(url: str, seconds: float, ended: threading.Event, poll: float = POLL_SECONDS) -> bool:
    """Wait until no Prefect API has answered at this address for `seconds`, and return True.

    Return False as soon as `ended` is set. `poll` is the pause between two questions, in seconds.
    """
    answered_at = time.monotonic()
    while not ended.wait(poll):
        if healthy(url):
            answered_at = time.monotonic()
        elif time.monotonic() - answered_at > seconds:
            return True
    return False


def client_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that Prefect's clients need for the server that we start in this environment.

    Clients use the server's login, unless the user named another login for clients.
    """
    login = environ.get("PREFECT_SERVER_API_AUTH_STRING")
    return {"PREFECT_API_AUTH_STRING": login} if login and not environ.get("PREFECT_API_AUTH_STRING") else {}


@contextmanager
def api(url: str, environ: Mapping[str, str]) -> Iterator[httpx.Client]:
    """Yield a client of the server's API, with the login of this environment.

    The client raises an HTTPStatusError for an answer with an error.

    Raises:
        ServerUnavailable: the server does not answer, or refuses the login, or the block has not handled its error.
    """
    login = {**environ, **client_variables(environ)}.get("PREFECT_API_AUTH_STRING")
    headers = {"authorization": f"Basic {base64.b64encode(login.encode()).decode()}"} if login else {}
    try:
        with _client(30.0, url, headers, _RetryingTransport(verify=certificates())) as client:
            client.event_hooks["response"] = [_raise_for_error]
            yield client
    except httpx.HTTPStatusError as error:
        if error.response.status_code not in LOGIN_REFUSED:
            raise ServerUnavailable(
                f"the Prefect server at {url} refused a request (HTTP {error.response.status_code} for "
                f"{error.request.url.path}): run the same command again, and see its log prefect-server.log",
                kind="no server",
            ) from error
        raise ServerUnavailable(
            f"the Prefect server at {url} refuses the login of PREFECT_API_AUTH_STRING: set it to the value of "
            "PREFECT_SERVER_API_AUTH_STRING that the server was started with, or end the server with workbench server "
            "--stop",
            kind="no server",
            lasting=True,
        ) from error
    except httpx.HTTPError as error:
        raise ServerUnavailable(
            f"the Prefect server at {url} gave no answer ({type(error).__name__}): run the same command again",
            kind="no server",
        ) from error


def _raise_for_error(response: httpx.Response) -> None:
    response.raise_for_status()


class _RetryingTransport(httpx.HTTPTransport):
    """Sends a request again while the server answers 503, because its database is locked."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(BUSY_SECONDS):
            response = super().handle_request(request)
            if response.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return response
            response.close()
            time.sleep(1.0)
        return super().handle_request(request)


def _client(
    timeout: float,
    base_url: str = "",
    headers: Mapping[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """Return a client that never asks a proxy for a server on this machine."""
    return httpx.Client(
        timeout=timeout,
        mounts=loopback.DIRECT,
        transport=transport,
        base_url=base_url,
        headers=headers,
        verify=certificates(),
    )
