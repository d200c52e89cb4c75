"""Tests of the artifact of a run whose process was killed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.support.run_folder import add, begin
from workbench.upkeep.artifacts import show_ends

UI = "http://127.0.0.1:4200/flow-runs/flow-run"


class Artifacts:
    """The artifacts of a server: one for each flow run. tests/flows/test_interruptions.py asks a real server."""

    def __init__(self) -> None:
        self.changed = dict[str, str]()

    def request(self, method: Any, path: Any, /, *, json: Any = None) -> httpx.Response:
        request = httpx.Request(method, f"http://127.0.0.1:4200/api{path}")
        if method == "PATCH":
            self.changed[path] = json["data"]
            return httpx.Response(204, request=request)
        (flow_run,) = json["artifacts"]["flow_run_id"]["any_"]
        return httpx.Response(200, json=[{"id": f"of-{flow_run}"}], request=request)


def test_the_artifact_of_a_killed_run_no_longer_says_that_it_searches(tmp_path: Path) -> None:
    """The artifact of another run is left alone, and so is a flow run that has no run folder."""
    for flow_run in ("killed", "alive"):
        add(begin(tmp_path, name=flow_run, flow_run_url=f"{UI}/{flow_run}"), "search", "first", 0, 3.0)
    (tmp_path / "runs" / "damaged").mkdir()
    server = Artifacts()
    show_ends(tmp_path, server, ["killed", "without-folder"])
    (text,) = server.changed.values()
    assert list(server.changed) == ["/artifacts/of-killed"]
    result = "Interrupted: 1 trial of at most 10 executions, best so far 3.0."
    assert f"**{result} Run the study again: nothing is paid for twice.**" in text
