"""Serve the deployments of prefect.yaml, schedules included, from this one process: for a machine without a worker.

python deployments/serve.py
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml
from prefect import Flow, serve
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import load_flow_from_entrypoint
from prefect.schedules import Cron

CHECKOUT = Path(__file__).resolve().parents[1]


def deployments(file: Path) -> list[RunnerDeployment]:
    """What prefect.yaml says, as deployments that this process runs itself."""
    return [_deployment(said) for said in yaml.safe_load(file.read_text())["deployments"]]


def _deployment(said: dict[str, Any]) -> RunnerDeployment:
    flow: Flow[..., Any] = load_flow_from_entrypoint(str(CHECKOUT / said["entrypoint"]), use_placeholder_flow=False)
    schedules = [
        Cron(one["cron"], timezone=one.get("timezone"), active=one.get("active", True)) for one in said["schedules"]
    ]
    made = flow.to_deployment(
        name=said["name"],
        description=said.get("description"),
        parameters=said.get("parameters"),
        schedules=schedules,
        concurrency_limit=(said.get("concurrency_limit") or {}).get("limit"),
    )
    assert isinstance(made, RunnerDeployment)
    return made


if __name__ == "__main__":
    # Paths in prefect.yaml are relative to the checkout.
    os.chdir(CHECKOUT)
    serve(*deployments(CHECKOUT / "prefect.yaml"))
