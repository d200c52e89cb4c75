"""Tests of the event for a new head: the server gets it once."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
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


class EventServer(Handler, ABC):
    """What a Prefect server does with events. Each test says how its server takes them, and what it finds."""

    def do_GET(self) -> None:  # noqa: N802  # http.server prescribes the name
        # A server that is too old for CSRF protection has no such page.
        self.reply(404, b"{}")

    def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
        body = json.loads(self.body())
        if self.path == "/api/events":
            self.take(body[0])
            self.reply(204, b"")
        else:
            self.answer(body["filter"])

    def tell(self, events: list[dict[str, Any]], status: int = 200) -> None:
        """Answer a question with these events."""
        self.reply(status, json.dumps({"events": events, "total": len(events), "next_page": None}).encode())

    @abstractmethod
    def take(self, event: dict[str, Any]) -> None:
        """Take a new event."""

    @abstractmethod
    def answer(self, query: dict[str, Any]) -> None:
        """Answer a question, which has the form of Prefect's filter of events, with `tell`."""


@contextmanager
def used(server: type[EventServer]) -> Iterator[None]:
    """Use a server until the block ends."""
    with serving(server) as url, temporary_settings({PREFECT_API_URL: f"{url}/api"}):
        yield


def test_an_event_that_the_server_has_already_is_not_sent_again() -> None:
    """The process that sent it was killed before it could write that down, and the server has started anew."""
    events = list[dict[str, Any]]()

    class Server(EventServer):
        def take(self, event: dict[str, Any]) -> None:
            events.append(event)

        def answer(self, query: dict[str, Any]) -> None:
            self.tell([event for event in events if event["id"] in query["id"]["id"]])

    with used(Server):
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

    class Server(EventServer):
        def take(self, event: dict[str, Any]) -> None:
            stored.append(Event.model_validate(event))

        def answer(self, query: dict[str, Any]) -> None:
            wanted = EventFilter.model_validate(query)
            if "until" not in wanted.occurred.model_fields_set:
                wanted.occurred.until -= timedelta(seconds=25)
            self.tell([{} for event in stored if wanted.includes(event)])

    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with used(Server):
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

    class Server(EventServer):
        def take(self, event: dict[str, Any]) -> None:
            taken.append(event["id"])
            memory.add(event["id"])

        def answer(self, query: dict[str, Any]) -> None:
            questions.append("asked")
            if len(questions) == 3 and ends == "killed":
                memory.clear()
                return
            if len(questions) == 5:
                stored.update(memory)
            self.tell([{} for _ in stored], status=503 if len(questions) == 3 else 200)

    monkeypatch.setattr(emitting, "POLL_SECONDS", 0.01)
    with used(Server):
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

    class Server(EventServer):
        def take(self, event: dict[str, Any]) -> None:
            taken.append(event["id"])

        def answer(self, query: dict[str, Any]) -> None:
            if taken:
                questions.append("asked")
            self.tell([], status=502 if 0 < len(questions) <= refused else 200)

    monkeypatch.setattr(emitting, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with used(Server), pytest.raises(httpx.HTTPStatusError, match="502"):
        emit(CHANGE)
    assert len(taken) == 1


def test_a_server_that_stores_events_later_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect Cloud, say. Sending the event again would report the head twice."""
    taken = list[str]()

    class Server(EventServer):
        def take(self, event: dict[str, Any]) -> None:
            taken.append(event["id"])

        def answer(self, query: dict[str, Any]) -> None:
            self.tell([])

    monkeypatch.setattr(emitting, "STORED_SECONDS", 0.05)
    with used(Server):
        emit(CHANGE)
    assert len(taken) == 1
