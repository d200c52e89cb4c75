"""Emit the event `pipeline.repo.changed` to the Prefect server."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event

from workbench.repository.looks import Change

EVENT = "pipeline.repo.changed"


def emit(change: Change) -> None:
    """Send the event, and return when the server has taken it.

    The event's id is computed from the change. If the server has an event with this id already, nothing is sent: an
    earlier process sent the event, and was killed before it could note that. A server that was restarted meanwhile
    would accept the event a second time.

    Raises:
        httpx.HTTPError: the server did not take the event.
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
        query = {"filter": {"id": {"id": [str(event.id)]}}, "limit": 1}
        if client.request("POST", "/events/filter", json=query).raise_for_status().json()["events"]:
            return
        client.request("POST", "/events", json=[event.model_dump(mode="json")]).raise_for_status()
