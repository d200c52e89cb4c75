"""Serves a stand-in for the real Gemini service: a rehearsal answers, but nothing labels it as a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.support.http_server import Handler, serving
from workbench.rehearsal.server import start


@contextmanager
def service() -> Iterator[str]:
    """Yield the address, and serve while the context lasts."""
    with start() as rehearsal, httpx.Client(base_url=rehearsal.url, timeout=30.0) as client:

        class Forwarder(Handler):
            def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
                answer = client.post(self.path, content=self.body(), headers={"content-type": "application/json"})
                self.reply(answer.status_code, answer.content, answer.headers["content-type"])

        with serving(Forwarder) as url:
            yield url
