"""The flow run of a home's only run so far, as the Prefect server has it."""

from __future__ import annotations

import json
from typing import Any

from tests.support import patient
from tests.support.command_line import CommandLine


def only_flow_run(line: CommandLine) -> str:
    """Return the id of the flow run."""
    (folder,) = (line.home / "runs").iterdir()
    return str(json.loads((folder / "run.json").read_text())["flow_run_url"].rpartition("/")[2])


def state(line: CommandLine, flow_run: str) -> dict[str, Any]:
    """Return the state of a flow run."""
    response = patient.get(f"{line.env['PREFECT_API_URL']}/flow_runs/{flow_run}").raise_for_status()
    return dict(response.json()["state"])
