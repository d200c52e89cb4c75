"""Sends requests to a Prefect server's API about objects that the server may not have."""

from __future__ import annotations

from typing import Any, Protocol

import httpx


class Api(Protocol):
    """A client of a Prefect server's API, httpx's or Prefect's own. It raises an HTTPStatusError if a request fails."""

    def request(self, method: Any, path: Any, /, *, json: Any = ...) -> httpx.Response: ...


def request(api: Api, method: str, path: str, body: object = None) -> Any:
    """Return the answer to a request, or None if the server has no object of the requested name or id.

    An answer without a body is an empty dictionary.
    """
    try:
        response = api.request(method, path, json=body)
        return response.json() if response.content else {}
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.NOT_FOUND:
            raise
        return None
