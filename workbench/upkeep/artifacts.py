"""Brings the artifact of a run up to date after the run's process has died.

A process that is killed cannot change its artifact any more, so the Prefect UI would show "Searching" for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.alerts.api import Api, request
from workbench.errors import UserError
from workbench.evidence.report import markdown
from workbench.evidence.summary import Summary, summarize
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord


def show_ends(home: Path, api: Api, flow_runs: Sequence[str]) -> None:
    """Show in the artifact of each flow run how its run ended.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    for flow_run in flow_runs:
        summary = _summary_of(home, flow_run)
        if summary is None:
            continue
        query = {"artifacts": {"flow_run_id": {"any_": [flow_run]}, "type": {"any_": ["markdown"]}}}
        for artifact in api.request("POST", "/artifacts/filter", json=query).json():
            request(api, "PATCH", f"/artifacts/{artifact['id']}", {"data": markdown(summary)})


def _summary_of(home: Path, flow_run: str) -> Summary | None:
    """Return the summary of the run that a flow run has worked on, or None if there is none that can be read."""
    for path in (home / "runs").glob("*/"):
        try:
            folder = RunFolder(path)
            if flow_run in (folder.load(RunRecord).flow_run_url or ""):
                return summarize(folder)
        except UserError:
            # One damaged folder does not hide the others.
            continue
    return None
