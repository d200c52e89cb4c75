"""Marks a flow run as crashed if a worker took it up, and no process ever began it.

A worker that is stopped while it starts a process leaves the flow run pending. No worker takes up a pending flow run
again, so Prefect shows it as pending for ever, and nobody is notified.
"""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

from workbench.alerts.api import Api
from workbench.alerts.automations import WATCHED_FLOWS
from workbench.system.prefect_server import WORK_POOL

#: A flow run that is pending for this many seconds was given up. A process begins it within seconds, or within minutes
#: if it clones a large repository first.
PENDING_SECONDS = 3600.0
MESSAGE = (
    "A worker took up this flow run, and no process began it within an hour: the worker was stopped at that moment. "
    "Nothing was executed. Start the run again with the same parameters."
)


def mark_unstarted(api: Api) -> list[str]:
    """Mark as crashed each flow run of our deployments that has been pending for an hour. Return their names.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    query = {
        "flows": {"name": {"any_": list(WATCHED_FLOWS)}},
        "work_pools": {"name": {"any_": [WORK_POOL]}},
        "flow_runs": {"state": {"type": {"any_": ["PENDING"]}}},
    }
    pending = api.request("POST", "/flow_runs/filter", json=query).json()
    given_up = [flow_run for flow_run in pending if _pending_for(flow_run) > PENDING_SECONDS]
    for flow_run in given_up:
        state = {"state": {"type": "CRASHED", "name": "Crashed", "message": MESSAGE}, "force": True}
        api.request("POST", f"/flow_runs/{flow_run['id']}/set_state", json=state)
    return [str(flow_run["name"]) for flow_run in given_up]


def _pending_for(flow_run: dict[str, Any]) -> float:
    """Return for how many seconds a flow run has been in its present state."""
    return time.time() - datetime.fromisoformat(flow_run["state"]["timestamp"]).timestamp()
