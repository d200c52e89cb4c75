"""Tests of the event for a new head: the server gets it once."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from tests.support.http_server import Handler, serving
from workbench.repository.looks import Change
from workbench.tasks import emit as emitting
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


@pytest.mark.slow
def test_an_event_is_found_on_a_server_whose_clock_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's filter leaves out events of the future, unless it is told how far to look."""
    # These types take a second to import.
    from prefect.server.events.filters import EventFilter
    from prefect.server.events.schemas.events import Event

    stored = list[Event]()

    class Server(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.reply(404, b"{}")

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            if self.path == "/api/events":
                stored.append(Event.model_validate(body[0]))
                self.reply(204, b"")
                return
            query = EventFilter.model_validate(body["filter"])
            if "until" not in query.occurred.model_fields_set:
                query.occurred.until -= timedelta(seconds=25)
            self.reply(200, json.dumps({"events": [{} for event in stored if query.includes(event)]}).encode())

    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with serving(Server) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        emit(CHANGE)
        emit(CHANGE)
        emit(replace(CHANGE, new="c" * 40))
    assert [event.payload["new"] for event in stored] == ["b" * 40, "c" * 40]


@pytest.mark.parametrize("ends", ["killed", "busy"])
def test_a_server_that_is_killed_before_it_has_stored_an_event_gets_the_event_again(
    monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """A server keeps a new event in memory for a moment. Without another try, nobody would hear of the push.

    A busy server that refuses a question keeps the event.
    """
    taken, memory, stored, questions = list[str](), set[str](), set[str](), list[str]()

    class Server(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.reply(404, b"{}")

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            if self.path == "/api/events":
                taken.append(body[0]["id"])
                memory.add(body[0]["id"])
                self.reply(204, b"")
                return
            questions.append("asked")
            if len(questions) == 3 and ends == "killed":
                memory.clear()
                return
            if len(questions) == 5:
                stored.update(memory)
            status = 503 if len(questions) == 3 else 200
            self.reply(status, json.dumps({"events": [{} for _ in stored], "total": 0}).encode())

    monkeypatch.setattr(emitting, "POLL_SECONDS", 0.01)
    with serving(Server) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        if ends == "killed":
            with pytest.raises(httpx.TransportError):
                emit(CHANGE)
        emit(CHANGE)
        emit(CHANGE)
    assert len(taken) == (2 if ends == "killed" else 1)
    assert set(taken) == stored


@pytest.mark.parametrize("refused", [1, 10**6], ids=["back before the deadline", "gone"])
def test_a_server_that_is_killed_behind_a_proxy_is_not_believed(monkeypatch: pytest.MonkeyPatch, refused: int) -> None:
    """The proxy answers 502. A server that is back answers again, and has forgotten the event."""
    taken, questions = list[str](), list[str]()

    class Server(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.reply(404, b"{}")

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            if self.path == "/api/events":
                taken.append(body[0]["id"])
            elif taken:
                questions.append("asked")
            is_refused = 0 < len(questions) <= refused
            self.reply(502 if is_refused else 200, b'{"events": [], "total": 0}')

    monkeypatch.setattr(emitting, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with (
        serving(Server) as url,
        temporary_settings({PREFECT_API_URL: f"{url}/api"}),
        pytest.raises(httpx.HTTPStatusError, match="502"),
    ):
        emit(CHANGE)
    assert len(taken) == 1


def test_a_server_that_stores_events_later_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect Cloud, say. Sending the event again would report the head twice."""
    taken = list[str]()

    class Server(Handler):
        def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
            self.reply(404, b"{}")

        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            body = json.loads(self.body())
            if self.path == "/api/events":
                taken.append(body[0]["id"])
            self.reply(200, b'{"events": [], "total": 0}')

    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with serving(Server) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        emit(CHANGE)
    assert len(taken) == 1
