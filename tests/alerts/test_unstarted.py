"""A flow run that a worker took up, and that no process ever began, is marked as crashed after an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx

from workbench.alerts.automations import WATCHED_FLOWS
from workbench.alerts.unstarted import mark_unstarted
from workbench.system.prefect_server import WORK_POOL


class Pending:
    """The pending flow runs of a server whose clock shows `now`."""

    def __init__(self, since: dict[str, datetime], now: datetime) -> None:
        self.since = since
        self.headers = {"date": format_datetime(now, usegmt=True)}
        self.changes = dict[str, Any]()

    def request(self, method: Any, path: Any, /, *, json: Any = None) -> httpx.Response:
        request = httpx.Request(method, f"http://127.0.0.1:4200/api{path}")
        if path.endswith("/set_state"):
            if path.split("/")[2] == "removed":
                httpx.Response(404, request=request).raise_for_status()
            self.changes[path.split("/")[2]] = json
            return httpx.Response(201, json={"status": "ACCEPT"}, request=request)
        # Flow runs of other people on the same server are left alone.
        assert json == {
            "flows": {"name": {"any_": list(WATCHED_FLOWS)}},
            "work_pools": {"name": {"any_": [WORK_POOL]}},
            "flow_runs": {"state": {"type": {"any_": ["PENDING"]}}},
        }
        runs = [
            {"id": run, "name": f"run {run}", "state": {"type": "PENDING", "timestamp": since.isoformat()}}
            for run, since in self.since.items()
        ]
        return httpx.Response(200, json=runs, headers=self.headers, request=request)


def test_a_run_that_is_pending_for_an_hour_is_marked_as_crashed() -> None:
    """A run that a worker has just taken up is left alone. The server's clock decides. The message says what to do."""
    now = datetime.now(UTC) - timedelta(days=1)
    since = {"lost": 61, "new": 59, "removed": 61}
    server = Pending({run: now - timedelta(minutes=minutes) for run, minutes in since.items()}, now)
    assert mark_unstarted(server) == ["run lost"]
    assert list(server.changes) == ["lost"]
    assert (server.changes["lost"]["state"]["type"], server.changes["lost"]["force"]) == ("CRASHED", True)
    assert "Start the run again" in server.changes["lost"]["state"]["message"]
