"""Serve the deployments of prefect.yaml, schedules included, from this one process: for a machine without a worker.

python deployments/serve.py
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import ConcurrencyLimitConfig
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron

CHECKOUT = Path(__file__).resolve().parents[1]


def deployments(file: Path) -> list[RunnerDeployment]:
    """What prefect.yaml says, as deployments that this process runs itself. Its paths are relative to this folder."""
    return [_deployment(said) for said in yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]]


def _deployment(said: dict[str, Any]) -> RunnerDeployment:
    limit = said.get("concurrency_limit")
    return RunnerDeployment.from_entrypoint(
        said["entrypoint"],
        name=said["name"],
        description=said.get("description"),
        parameters=said.get("parameters"),
        schedules=[
            Cron(one["cron"], timezone=one.get("timezone"), active=one.get("active", True)) for one in said["schedules"]
        ],
        concurrency_limit=ConcurrencyLimitConfig(**limit) if limit else None,
    )


def take_over(made: list[RunnerDeployment]) -> None:
    """Remove what `prefect deploy` has made for a worker: it has no path, and an update would give it none."""
    with get_client(sync_client=True) as client:
        for deployment in made:
            with suppress(ObjectNotFound):
                known = client.read_deployment_by_name(f"{deployment.flow_name}/{deployment.name}")
                if known.work_pool_name is not None:
                    client.delete_deployment(known.id)


if __name__ == "__main__":
    os.chdir(CHECKOUT)
    served = deployments(CHECKOUT / "prefect.yaml")
    take_over(served)
    serve(*served)
