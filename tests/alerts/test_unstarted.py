"""A flow run that a worker took up, and that no process ever began, is marked as crashed after an hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from workbench.alerts.unstarted import mark_unstarted


class Pending:
    """The pending flow runs of a server. tests/flows/test_alerts.py asks a real Prefect server."""

    def __init__(self, since: dict[str, datetime]) -> None:
        self.since = since
        self.changes = dict[str, Any]()

    def request(self, method: Any, path: Any, /, *, json: Any = None) -> httpx.Response:
        request = httpx.Request(method, f"http://127.0.0.1:4200/api{path}")
        if path.endswith("/set_state"):
            self.changes[path.split("/")[2]] = json
            return httpx.Response(201, json={"status": "ACCEPT"}, request=request)
        assert json["flow_runs"] == {"state": {"type": {"any_": ["PENDING"]}}}
        runs = [
            {"id": run, "name": f"run {run}", "state": {"type": "PENDING", "timestamp": since.isoformat()}}
            for run, since in self.since.items()
        ]
        return httpx.Response(200, json=runs, request=request)


def test_a_run_that_is_pending_for_an_hour_is_marked_as_crashed() -> None:
    """A run that a worker has just taken up is left alone. The message says what to do."""
    now = datetime.now(UTC)
    server = Pending({"lost": now - timedelta(minutes=61), "new": now - timedelta(minutes=59)})
    assert mark_unstarted(server) == ["run lost"]
    assert list(server.changes) == ["lost"]
    assert (server.changes["lost"]["state"]["type"], server.changes["lost"]["force"]) == ("CRASHED", True)
    assert "Start the run again" in server.changes["lost"]["state"]["message"]
