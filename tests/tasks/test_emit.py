"""Tests of the event for a new head: the server gets it once."""

from __future__ import annotations

import json
from typing import Any

from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.support.http_server import Handler, serving
from workbench.repository.looks import Change
from workbench.tasks.emit import emit

CHANGE = Change("/srv/mine", "mine", "main", "study.yaml", "a" * 40, "b" * 40, ("notes.md",), 1)


def test_an_event_that_the_server_has_already_is_not_sent_again() -> None:
    """The process that sent it was killed before it could write that down, and the server has started anew."""
    events = list[dict[str, Any]]()

    class Server(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            # A server that is too old for CSRF protection has no such page.
            self.reply(404, b"{}")

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            if self.path == "/api/events/filter":
                ids = body["filter"]["id"]["id"]
                known = [event for event in events if event["id"] in ids]
                self.reply(200, json.dumps({"events": known, "total": len(known), "next_page": None}).encode())
            else:
                events.extend(body)
                self.reply(204, b"")

    with serving(Server) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        emit(CHANGE)
        emit(CHANGE)
    (event,) = events
    assert event["event"] == "pipeline.repo.changed"
    assert event["resource"]["prefect.resource.id"] == "workbench.repo.mine"
    assert (event["payload"]["old"], event["payload"]["new"]) == (CHANGE.old, CHANGE.new)
