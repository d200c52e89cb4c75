"""Requests to a server that may be busy with the runs of other tests. httpx itself gives up after five seconds."""

from __future__ import annotations

from typing import Any

import httpx

SECONDS = 300.0


def get(url: str, **options: Any) -> httpx.Response:
    """Send a GET request with these options of httpx."""
    return httpx.get(url, timeout=SECONDS, **options)


def post(url: str, **options: Any) -> httpx.Response:
    """Send a POST request with these options of httpx."""
    return httpx.post(url, timeout=SECONDS, **options)
