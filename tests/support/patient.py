"""Requests to a server that may be busy with the runs of other tests.

httpx itself gives up after five seconds. The server answers 503 while its database is locked. Prefect's own client asks
again, and so do these requests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

#: The longest wait for an answer, and the longest time in which a request is repeated, in seconds.
SECONDS = 300.0


def get(url: str, **options: Any) -> httpx.Response:
    """Send a GET request with these options of httpx."""
    return _answered(lambda: httpx.get(url, timeout=SECONDS, **options))


def post(url: str, **options: Any) -> httpx.Response:
    """Send a POST request with these options of httpx."""
    return _answered(lambda: httpx.post(url, timeout=SECONDS, **options))


def patch(url: str, **options: Any) -> httpx.Response:
    """Send a PATCH request with these options of httpx."""
    return _answered(lambda: httpx.patch(url, timeout=SECONDS, **options))


def _answered(request: Callable[[], httpx.Response]) -> httpx.Response:
    """Send the request until its answer is another one than 503."""
    deadline = time.monotonic() + SECONDS
    while (response := request()).status_code == httpx.codes.SERVICE_UNAVAILABLE:
        assert time.monotonic() < deadline, response.text
        time.sleep(1)
    return response
