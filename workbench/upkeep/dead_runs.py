"""Corrects the states and artifacts of flow runs that no process works on any more, in the Prefect UI."""

from __future__ import annotations

from pathlib import Path

from workbench.alerts.api import Api
from workbench.alerts.holders import mark_crashed
from workbench.alerts.unstarted import mark_unstarted
from workbench.upkeep.artifacts import show_ends


def end_dead_runs(home: Path, api: Api, server: str) -> list[str]:
    """Mark flow runs as crashed whose process has died, or which no process began. Return their names.

    The artifact of a run that was not completed says how far the run came.

    Args:
        server: the address of the API.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    deaths = mark_crashed(home, api, server)
    show_ends(home, api, [death.flow_run for death in deaths])
    return [*(death.name for death in deaths if death.marked), *mark_unstarted(api)]
