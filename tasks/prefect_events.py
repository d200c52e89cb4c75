"""Sends Prefect's events in batches, so that a run with many task runs at once has more time for its own work."""

from __future__ import annotations

import asyncio
import queue

import prefect.events.utilities
from prefect.events import Event
from prefect.events.worker import EventsWorker

#: The pause between two batches of events, in seconds. A view in the Prefect UI is late by as much.
PAUSE_SECONDS = 0.1


class BatchedEvents(EventsWorker):
    """Prefect's service that sends events to its server, with a batch of events for each change of threads.

    Prefect's own service waits for each event in a second thread. A trial has at least seven events, and each took two
    threads and four changes between them.
    """

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
