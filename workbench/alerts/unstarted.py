"""Marks a flow run as crashed if a worker took it up, and no process ever began it.

A worker that is stopped while it starts a process leaves the flow run pending. No worker takes up a pending flow run
again, so Prefect shows it as pending for ever, and nobody is notified.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from workbench.alerts.api import Api, request
from workbench.alerts.automations import WATCHED_FLOWS
from workbench.system.prefect_server import WORK_POOL

#: A flow run that is pending for this many seconds was given up. A process begins it within seconds, or within minutes
#: if it clones a large repository first.
PENDING_SECONDS = 3600.0
MESSAGE = (
    "A worker took up this flow run, and no process began it within an hour: the worker was stopped at that moment. "
    "This attempt executed nothing. Start the run again with the same parameters."
)


def mark_unstarted(api: Api, seconds: float = PENDING_SECONDS) -> list[str]:
    """Mark as crashed each flow run of our deployments that is pending for longer than `seconds`. Return their names.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    query = {
        "flows": {"name": {"any_": list(WATCHED_FLOWS)}},
        "work_pools": {"name": {"any_": [WORK_POOL]}},
        "flow_runs": {"state": {"type": {"any_": ["PENDING"]}}},
    }
    response = api.request("POST", "/flow_runs/filter", json=query)
    now = _server_time(response)
    given_up = [flow_run for flow_run in response.json() if _pending_for(flow_run, now) > seconds]
    state = {"state": {"type": "CRASHED", "name": "Crashed", "message": MESSAGE}, "force": True}
    # A flow run that somebody has removed meanwhile has no answer.
    return [
        str(flow_run["name"])
        for flow_run in given_up
        if request(api, "POST", f"/flow_runs/{flow_run['id']}/set_state", state) is not None
    ]


def _server_time(response: httpx.Response) -> datetime:
    """Return the time on the server's clock, in whole seconds. It may differ from this machine's."""
    date = response.headers.get("date")
    return datetime.now(UTC) if date is None else parsedate_to_datetime(date)


def _pending_for(flow_run: dict[str, Any], now: datetime) -> float:
    """Return for how many seconds a flow run has been in its present state."""
    return (now - datetime.fromisoformat(flow_run["state"]["timestamp"])).total_seconds()
