"""Corrects the states and artifacts of flow runs that no process works on any more, in the Prefect UI."""

from __future__ import annotations

from pathlib import Path

from workbench.alerts.api import Api
from workbench.alerts.holders import dead_flow_runs, mark_crashed
from workbench.alerts.unstarted import mark_unstarted
from workbench.upkeep.artifacts import show_ends


def end_dead_runs(home: Path, api: Api, server: str) -> list[str]:
    """Mark flow runs as crashed whose process has died, or which no process began. Return their names.

    The artifact of a run whose process has died says how far the run came.

    Args:
        server: the address of the API.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    dead = dead_flow_runs(home)
    names = mark_crashed(home, api, server)
    show_ends(home, api, dead)
    return [*names, *mark_unstarted(api)]
