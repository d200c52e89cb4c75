"""Requests to a server that may be busy with the runs of other tests. httpx itself gives up after five seconds."""

from __future__ import annotations

from typing import Any

import httpx

SECONDS = 300.0


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=SECONDS)


def post(url: str, json: Any) -> httpx.Response:
    return httpx.post(url, json=json, timeout=SECONDS)
