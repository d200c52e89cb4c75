"""The flow runs of a home, as the Prefect server has them."""

from __future__ import annotations

import json
import os
from typing import Any

from tests.support import patient
from tests.support.command_line import CommandLine
from workbench.system import server_client
from workbench.upkeep.dead_runs import end_dead_runs


def only_flow_run(line: CommandLine) -> str:
    """Return the id of the flow run of a home's only run so far."""
    (folder,) = (line.home / "runs").iterdir()
    return str(json.loads((folder / "run.json").read_text())["flow_run_url"].rpartition("/")[2])


def state(line: CommandLine, flow_run: str) -> dict[str, Any]:
    """Return the state of a flow run."""
    response = patient.get(f"{line.env['PREFECT_API_URL']}/flow_runs/{flow_run}").raise_for_status()
    return dict(response.json()["state"])


def left_after_a_look(line: CommandLine) -> list[str]:
    """Look at the flow runs of a home as its next run does. Return the names of the files that the look leaves.

    The look must find no flow run that it has to mark.
    """
    url = line.env["PREFECT_API_URL"]
    with server_client.api(url, os.environ) as api:
        assert end_dead_runs(line.home, api, url) == []
    return sorted(file.name for file in (line.home / "flow-runs").iterdir())
