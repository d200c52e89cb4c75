"""Prefect's events are sent in batches, in their order, and none is lost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import prefect.events.utilities
import pytest
from prefect.client.schemas.objects import Flow, FlowRun, TaskRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, Resource, emit_event
from prefect.events.clients import AssertingEventsClient
from prefect.events.related import RESOURCE_CACHE, tags_as_related_resources
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.types._datetime import DateTime

from workbench.tasks.prefect_events import PAUSE_SECONDS, BatchedEvents, send_events_in_batches


class UnreliableClient(AssertingEventsClient):
    """A client that cannot send every third event."""

    async def _emit(self, event: Event) -> None:
        if int(event.event) % 3 == 0:
            raise OSError("no connection")
        await super()._emit(event)


class TimingClient(AssertingEventsClient):
    """A client that notes when it sends each event."""

    async def _emit(self, event: Event) -> None:
        event.payload["sent"] = time.monotonic()
        await super()._emit(event)


@pytest.fixture
def own_events() -> Iterator[None]:
    """Restore Prefect's service and its client after the test. No server is asked for anything."""
    # Without an address, Prefect would start a server.
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        yield
    prefect.events.utilities.EventsWorker = EventsWorker  # type: ignore[attr-defined]  # it is no public name
    EventsWorker.set_client_override(None)
    AssertingEventsClient.reset()


def names(service: EventsWorker) -> list[str]:
    """Send all events that wait, and return the names of those that were sent."""
    service.drain()
    client = service._client
    assert isinstance(client, AssertingEventsClient)
    return [event.event for event in client.events]


def event(number: int) -> Event:
    return Event(event=str(number), resource=Resource({"prefect.resource.id": "test"}))


def test_prefects_own_function_sends_through_the_service(own_events: None) -> None:
    """A new version of Prefect could look for its service elsewhere."""
    EventsWorker.set_client_override(AssertingEventsClient)
    send_events_in_batches()
    for number in range(500):
        emit_event(str(number), {"prefect.resource.id": "test"})
    service = BatchedEvents.instance()
    assert names(service) == [str(number) for number in range(500)]


def test_an_event_that_cannot_be_sent_holds_up_no_other(own_events: None) -> None:
    """The service ends as usual, too."""
    service = BatchedEvents.instance(UnreliableClient)
    for number in range(50):
        service.send(event(number))
    assert names(service) == [str(number) for number in range(50) if number % 3]
    assert service._queue.unfinished_tasks == 0


def test_events_wait_for_the_next_batch(own_events: None) -> None:
    """Without the pause, events that come one after another would be sent one by one."""
    service = BatchedEvents.instance(TimingClient)
    for number in range(4):
        service.send(event(number))
        # On a busy machine, the service may begin late. Then all events would be in its first batch.
        while len(getattr(getattr(service, "_client", None), "events", ())) <= number:
            time.sleep(PAUSE_SECONDS / 10)
    assert names(service) == [str(number) for number in range(4)]
    assert isinstance(service._client, TimingClient)
    sent = [event.payload["sent"] for event in service._client.events]
    assert max(later - earlier for earlier, later in itertools.pairwise(sent)) >= PAUSE_SECONDS


def belongings(
    service: EventsWorker, events: Sequence[tuple[Event, FlowRunContext | None, TaskRunContext | None]]
) -> list[Any]:
    """Send events from the contexts of these runs, and return what each event belongs to."""
    for event, flow_context, task_context in events:
        with ExitStack() as contexts:
            for context in (flow_context, task_context):
                if context is not None:
                    contexts.enter_context(context)
            service.send(event.model_copy(deep=True))
    service.drain()
    client = service._client
    assert isinstance(client, AssertingEventsClient)
    return [[resource.root for resource in event.related] for event in client.events]


def flow_context(name: str, tags: list[str]) -> FlowRunContext:
    """Return the context of a flow run with a deployment. Prefect knows both, so it asks no server for them."""
    flow = Flow(name=f"flow of {name}", tags=["shared"], labels={})
    deployment = DeploymentResponse(
        id=uuid4(), flow_id=flow.id, name=f"deployment of {name}", tags=["nightly"], labels={}
    )
    RESOURCE_CACHE[f"flow.{flow.id}"] = ({"kind": "flow", "object": flow}, DateTime.now("UTC"))
    RESOURCE_CACHE[f"deployment.{deployment.id}"] = ({"kind": "deployment", "object": deployment}, DateTime.now("UTC"))
    run = FlowRun(id=uuid4(), flow_id=flow.id, deployment_id=deployment.id, name=name, tags=tags)
    return FlowRunContext.model_construct(flow_run=run)


def task_context(name: str, tags: list[str]) -> TaskRunContext:
    run = TaskRun(id=uuid4(), task_key=name, dynamic_key="0", name=name, tags=tags)
    return TaskRunContext.model_construct(task_run=run)


def test_an_event_belongs_to_what_prefect_says(own_events: None) -> None:
    """What was computed for one event must fit every other event for which it is used again."""
    events: list[tuple[Event, FlowRunContext | None, TaskRunContext | None]] = [(event(0), None, None)]
    many = [f"tag {number}" for number in range(200)]
    for number, run_tags in enumerate((["study", "execute"], [], [], many)):
        run = flow_context(f"run {number}", run_tags)
        events.append((event(1), run, None))
        for tags in (["execute"], ["execute", "cached"], ["score", "study"], ["execute"], []):
            task = task_context(f"a task run with {len(tags)} tags", tags)
            own = {"prefect.resource.id": f"prefect.task-run.{task.task_run.id}"}
            related = tags_as_related_resources(tags)
            for resource in (own, {"prefect.resource.id": "another"}):
                events.append((Event(event="test", resource=Resource(resource), related=related), run, task))
    ours = belongings(BatchedEvents.instance(AssertingEventsClient), events)
    assert ours == belongings(EventsWorker.instance(AssertingEventsClient), events)
    assert max(map(len, ours)) == 100
