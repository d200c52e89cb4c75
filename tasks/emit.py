"""Emit the event `pipeline.repo.changed` to the Prefect server."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events.schemas.events import Event
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from workbench.repository.looks import Change

EVENT = "pipeline.repo.changed"


#: How long to wait until the server has stored the event, and the pause between two questions, in seconds. A plain
#: Prefect server needs up to five seconds. GitHub waits for ten seconds for the answer to its delivery.
STORED_SECONDS, POLL_SECONDS = 8.0, 0.1


def emit(change: Change) -> None:
    """Send the event, and return when the server has stored it.

    A server keeps a new event in memory for a second or a few. If the server is killed meanwhile, this function fails,
    and the next look sends the event again. A server that is slower to store events is believed, if it has answered
    all the time.

    The event's id is computed from the change. If the server has an event with this id already, nothing is sent: an
    earlier process sent the event, and was killed before it could note that. A server that was restarted meanwhile
    would accept the event a second time.

    Raises:
        httpx.HTTPError: the server did not take the event, or stopped before it stored the event.
    """
    event = Event.model_validate(
        {
            "occurred": datetime.now(UTC),
            "event": EVENT,
            "resource": {
                "prefect.resource.id": f"workbench.repo.{change.name}",
                "prefect.resource.name": change.name,
                "workbench.repository": change.repository,
            },
            "payload": change.to_json(),
            "id": UUID(change.key[:32]),
        }
    )
    # Prefect's own `emit_event` sends in the background, and does not say whether the server took the event.
    with get_client(sync_client=True) as client:
        if _has(client, event):
            return
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
        _wait_until_stored(client, event)


def _wait_until_stored(client: SyncPrefectClient, event: Event) -> None:
    """Wait until the server has stored the event, for STORED_SECONDS at most.

    Raises:
        httpx.TransportError: the server stopped.
        httpx.HTTPStatusError: a question was refused, and the event was not stored in time.
    """
    deadline, refusal = time.monotonic() + STORED_SECONDS, None
    # With further tries, the client would not notice that the server was restarted, and has forgotten the event.
    with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
        while True:
            try:
                if _has(client, event):
                    return
            except httpx.HTTPStatusError as error:
                # The server is busy, or a proxy answers for a server that was killed, and may be back at the deadline.
                refusal = error
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
    if refusal is not None:
        raise refusal


def _has(client: SyncPrefectClient, event: Event) -> bool:
    """Return True if the server has stored the event."""
    # By default, a server looks for events of the last 180 days up to its own present. The clock of this machine may be
    # ahead of the server's clock.
    occurred = {"until": (event.occurred + timedelta(days=1)).isoformat()}
    query = {"filter": {"id": {"id": [str(event.id)]}, "occurred": occurred}, "limit": 1}
    return bool(client.request("POST", "/events/filter", json=query).raise_for_status().json()["events"])
