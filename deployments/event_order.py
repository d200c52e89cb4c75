"""Lets the triggers of a restarted Prefect server handle an event whose predecessor came before the restart.

Many events name an event that they follow. Prefect's server handles an event only after the event that it follows, and
remembers in its memory which events it has handled. A restarted server remembers none. So it would keep the end of a
run that began before the restart for 15 minutes, and notify nobody until then.
"""

from __future__ import annotations

import time
from uuid import UUID

from prefect.server.events.ordering import memory
from prefect.server.events.schemas.events import ReceivedEvent

#: The Unix time at which this server started.
STARTED = time.time()


class CausalOrdering(memory.CausalOrdering):
    """Prefect's order of events. No event waits for one from before the server's start."""

    async def wait_for_leader(self, event: ReceivedEvent) -> None:
        if event.follows is None or _emitted_at(event.follows) > STARTED:
            await super().wait_for_leader(event)


def _emitted_at(event: UUID) -> float:
    """Return the Unix time at which an event was emitted, which its id names. An id of another kind counts as new."""
    return (event.int >> 80) / 1000 if event.version == 7 else float("inf")
