"""Asks a Prefect server's API about things that it may not know."""

from __future__ import annotations

from typing import Any, Protocol

import httpx


class Api(Protocol):
    """A client of a Prefect server's API: one of httpx, or Prefect's own. It raises an HTTPStatusError for an error."""

    def request(self, method: Any, path: Any, /, *, json: Any = ...) -> httpx.Response: ...


def request(api: Api, method: str, path: str, body: object = None) -> Any:
    """Return the answer to a request, or None if the server does not know what the request names."""
    try:
        return api.request(method, path, json=body).json()
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None
