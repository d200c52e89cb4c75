"""Serve the deployments of prefect.yaml, with their schedules, from one process. It needs no worker.

Run it with `python deployments/serve.py`.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml
from prefect import serve
from prefect.client.orchestration import get_client
from prefect.deployments.runner import RunnerDeployment
from prefect.events import DeploymentEventTrigger
from prefect.exceptions import ObjectNotFound
from prefect.schedules import Cron

from workbench.deployments import automations

CHECKOUT = Path(__file__).resolve().parents[1]


def deployments(file: Path) -> list[RunnerDeployment]:
    """Return the deployments of prefect.yaml as deployments that this process runs itself.

    The paths in prefect.yaml are relative to the working directory.
    """
    return [_deployment(entry) for entry in yaml.safe_load(file.read_text(encoding="utf-8"))["deployments"]]


def _deployment(entry: dict[str, Any]) -> RunnerDeployment:
    return RunnerDeployment.from_entrypoint(
        entry["entrypoint"],
        name=entry["name"],
        description=entry.get("description"),
        parameters=entry.get("parameters"),
        schedules=[
            Cron(schedule["cron"], timezone=schedule.get("timezone"), active=schedule.get("active", True))
            for schedule in entry.get("schedules", [])
        ],
        triggers=[DeploymentEventTrigger(**trigger) for trigger in entry.get("triggers", [])],
    )


def remove_worker_deployments(served: list[RunnerDeployment]) -> None:
    """Remove each deployment that `prefect deploy` created for a worker under the name of a served one.

    Its automations are removed, too. A line on standard error names each removed deployment.

    A worker's deployment has no path, and an update would not add a path. So the deployment has to be created anew.
    """
    with get_client(sync_client=True) as client:
        for deployment in served:
            with suppress(ObjectNotFound):
                existing = client.read_deployment_by_name(f"{deployment.flow_name}/{deployment.name}")
                if existing.work_pool_name is not None:
                    # The server keeps the automations of a deployment's triggers when the deployment is deleted.
                    client.delete_resource_owned_automations(f"prefect.deployment.{existing.id}")
                    client.delete_deployment(existing.id)
                    print(
                        f"the deployment {deployment.flow_name}/{deployment.name} of the work pool "
                        f"{existing.work_pool_name} is replaced: this process runs it now, with the settings of "
                        "prefect.yaml, and no worker does; to give it back, stop this process and run prefect "
                        "--no-prompt deploy --all",
                        file=sys.stderr,
                    )


def main() -> None:
    """Deploy and execute the deployments of prefect.yaml until the process is ended.

    Raises:
        UserError: PREFECT_API_URL is not set.
        ServerUnavailable: the server does not answer, or refuses the login.
    """
    automations.server_url()
    os.chdir(CHECKOUT)
    served = deployments(CHECKOUT / "prefect.yaml")
    remove_worker_deployments(served)
    for deployment in served:
        deployment.apply()
    # The automations start the deployment notify/notify, which has a new id now.
    automations.main()
    serve(*served)


if __name__ == "__main__":
    with automations.failures_as_messages():
        main()
