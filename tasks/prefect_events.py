"""Sends Prefect's events in batches, so that a run with many task runs at once has more time for its own work.

Decision 24 in docs/decisions has the reasons.
"""

from __future__ import annotations

import asyncio
import queue
from typing import Any
from uuid import UUID

import prefect.events.utilities
from prefect.context import FlowRunContext, TaskRunContext
from prefect.events import Event, RelatedResource
from prefect.events.clients import EventsClient
from prefect.events.related import related_resources_from_run_context
from prefect.events.worker import EventsWorker

#: The pause between two batches of events, in seconds. A view in the Prefect UI is late by as much.
PAUSE_SECONDS = 0.1
#: With so many related resources or more, Prefect itself attaches them: it checks whether the server takes so many.
MOST_RELATED = 50


class BatchedEvents(EventsWorker):
    """Prefect's service that sends events to its server, with a batch of events for each change of threads.

    Prefect's own service waits for each event in a second thread. A trial has at least seven events, and each took two
    threads and four changes between them.
    """

    def __init__(self, client_type: type[EventsClient], client_options: tuple[tuple[str, Any]]) -> None:
        super().__init__(client_type, client_options)
        #: What an event of a task run belongs to, by the id of its flow run.
        self._related: dict[UUID, list[RelatedResource]] = {}

    async def _handle(self, event: Event) -> None:
        """Send an event and all events that wait behind it, and then pause."""
        await super()._handle(event)
        while (next_event := self._next_event()) is not None:
            try:
                await super()._handle(next_event)
            finally:
                self._queue.task_done()
        if not self._stopped:
            await asyncio.sleep(PAUSE_SECONDS)

    async def attach_related_resources_from_context(self, event: Event) -> None:
        """Attach the flow run, the flow, the deployment and the tags that an event belongs to."""
        related = await self._related_to_task_run(event)
        if 0 < len(related) < MOST_RELATED:
            present = {resource.id for resource in event.involved_resources}
            event.related += [resource for resource in related if resource.id not in present]
        else:
            await super().attach_related_resources_from_context(event)

    async def _related_to_task_run(self, event: Event) -> list[RelatedResource]:
        """Return what an event of a task run belongs to; nothing for another event.

        Prefect makes these resources anew for each event, which takes a sixth of the flow's CPU time for a trial. They
        are the same for all task runs of a flow run.
        """
        flow, task = FlowRunContext.get(), TaskRunContext.get()
        if flow is None or flow.flow_run is None or task is None:
            return []
        task_run = f"prefect.task-run.{task.task_run.id}"
        if event.resource.id != task_run:
            return []
        flow_run = flow.flow_run.id
        if flow_run not in self._related:
            client = self._orchestration_client
            self._related[flow_run] = await related_resources_from_run_context(client, exclude={task_run})
        return self._related[flow_run]

    def _next_event(self) -> Event | None:
        """Take the next event that waits, without waiting for one."""
        try:
            event = self._queue.get_nowait()
        except queue.Empty:
            return None
        if event is None:
            # This ends the service. Prefect's own loop has to read it.
            self._queue.put_nowait(None)
            self._queue.task_done()
        return event


def send_events_in_batches() -> None:
    """Have this process send its events in batches."""
    # Prefect has no setting for this. `emit_event` looks for the class under this name.
    prefect.events.utilities.EventsWorker = BatchedEvents  # type: ignore[attr-defined]  # it is no public name
