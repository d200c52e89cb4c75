"""Tell the Prefect server that a flow run makes progress. An automation notices a run that makes none."""

from __future__ import annotations

import time
from typing import Any

from prefect.events import emit_event
from prefect.runtime import flow_run

from workbench.alerts.automations import PROGRESS

#: The shortest time between two events of one run, in seconds.
PAUSE_SECONDS = 60.0


class Progress:
    """The progress of the flow run in which it is created."""

    def __init__(self) -> None:
        self._reported_at = -PAUSE_SECONDS

    def report(self) -> None:
        """Emit an event, unless the last event was less than PAUSE_SECONDS ago. Prefect sends it in the background."""
        run: Any = flow_run.id
        if run is None or time.monotonic() - self._reported_at < PAUSE_SECONDS:
            return
        self._reported_at = time.monotonic()
        name = str(flow_run.name)
        emit_event(PROGRESS, {"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.name": name})
