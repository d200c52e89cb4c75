"""Tests of the deployment in prefect.yaml: a worker runs it to its end, and so does deployments/serve.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support import patient
from tests.support.command_line import CHECKOUT, PREFECT, CommandLine, wait_for
from tests.support.deployments import (
    WORKER,
    api,
    create_flow_run,
    deployed,
    deployment,
    end_of,
    pause_schedules,
    running,
)
from tests.support.processes import working_in

# On a busy machine, each flow run takes half a minute to start.
pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

NIGHTLY = "optimize/nightly"
REQUALIFY = "requalify/requalify"
#: The parameters of a run with one execution.
SMALL = {"optimizer": "static", "budget": 1}
PYTHON = Path(sys.executable)


def is_served(line: CommandLine) -> bool:
    """Return True if all deployments exist and belong to no worker."""
    responses = [patient.get(f"{api(line)}/deployments/name/{name}") for name in (NIGHTLY, "watch/watch", REQUALIFY)]
    return all(answer.status_code == 200 and answer.json()["work_pool_name"] is None for answer in responses)


def check_schedule(line: CommandLine) -> None:
    """Check that the nightly deployment has the settings of prefect.yaml, and that the others exist."""
    settings = deployment(line, NIGHTLY)
    (schedule,) = settings["schedules"]
    assert (schedule["schedule"]["cron"], schedule["active"]) == ("0 3 * * *", True)
    assert settings["parameters"]["rehearse"] is True
    # A lock on the study lets one run at a time work on it. A limit of the deployment would cancel other studies' runs.
    assert settings["concurrency_limit"] is None

    watch = deployment(line, "watch/watch")
    assert [schedule["schedule"]["cron"] for schedule in watch["schedules"]] == ["*/5 * * * *"]
    query = {
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}},
        "deployments": {"id": {"any_": [settings["id"]]}},
    }
    # The server's scheduler makes the runs of the next nights.
    wait_for(lambda: patient.post(f"{api(line)}/flow_runs/count", json=query).json() > 0)
    automations = patient.post(f"{api(line)}/automations/filter", json={}).raise_for_status().json()
    (trigger,) = [item["trigger"] for item in automations if item["name"] == "Workbench: the repository changed"]
    assert trigger["expect"] == ["pipeline.repo.changed"]
    assert trigger["match"] == {"prefect.resource.id": "workbench.repo.*"}


def check_report(line: CommandLine) -> None:
    """Check that one run has ended with a report."""
    (file,) = line.home.glob("runs/*/report.json")
    report = json.loads(file.read_text())
    assert (report["status"], report["rehearsal"]) == ("done", True)
    assert report["flow_run_url"]


@pytest.fixture(name="deployed")
def deployed_line(line: CommandLine) -> CommandLine:
    """Return a command line whose server has the deployments of prefect.yaml."""
    return deployed(line)


def test_a_process_worker_runs_the_deployment_to_its_end(deployed: CommandLine) -> None:
    """Prefect's own command has created the deployment from prefect.yaml."""
    check_schedule(deployed)
    pause_schedules(deployed)
    with running(deployed, PREFECT, *WORKER):
        assert end_of(deployed, create_flow_run(deployed, NIGHTLY, **SMALL)) == "COMPLETED"
    check_report(deployed)


def test_a_run_that_is_cancelled_in_the_ui_ends_soon_and_can_be_resumed(deployed: CommandLine) -> None:
    """All processes that execute the pipeline end, too. The artifact says so. Another run buys nothing kept again."""
    pause_schedules(deployed)
    with (
        deployed.rehearsing(latency=1.0) as (line, rehearsal),
        running(line.having(PREFECT_WORKER_QUERY_SECONDS="2"), PREFECT, *WORKER),
    ):
        flow_run = create_flow_run(line, NIGHTLY, optimizer="copro", budget=24)
        wait_for(lambda: len(line.results("execute")) >= 2)
        # The executions that are left would take minutes. So the worker must end them, and not wait for them.
        rehearsal.latency = 600.0
        cancelling = {"state": {"type": "CANCELLING", "name": "Cancelling"}}
        patient.post(f"{api(line)}/flow_runs/{flow_run}/set_state", json=cancelling).raise_for_status()
        assert end_of(line, flow_run).startswith("CANCELLED")
        wait_for(lambda: not working_in(line.home / "executions"), 60)
        stored, rehearsal.latency = len(line.results("execute")), 0.0
        again = create_flow_run(line, NIGHTLY, optimizer="copro", budget=24)
        assert end_of(line, again, 400) == "COMPLETED"
    report = json.loads((max((line.home / "runs").iterdir()) / "report.json").read_text())
    assert report["cache_hits"] == stored
    assert report["executions"] == len(line.results("execute")) - stored
    query = {"artifacts": {"flow_run_id": {"any_": [flow_run]}, "type": {"any_": ["markdown"]}}}
    (artifact,) = patient.post(f"{api(line)}/artifacts/filter", json=query).json()
    assert "**Interrupted: " in artifact["data"]


def test_one_process_serves_the_same_deployments_without_a_worker(deployed: CommandLine) -> None:
    """The process replaces deployments that were created for a worker, and says so."""
    with running(deployed, PYTHON, CHECKOUT / "deployments" / "serve.py") as program:
        replaced = f"the deployment {NIGHTLY} of the work pool workbench is replaced"
        # Until Prefect prints this line, it creates the deployments and their automations several times.
        program.wait_for_line("Your deployments are being served")
        assert replaced in program.stderr.read_text()
        assert is_served(deployed)
        check_schedule(deployed)
        pause_schedules(deployed)
        assert end_of(deployed, create_flow_run(deployed, NIGHTLY, **SMALL)) == "COMPLETED"
    check_report(deployed)
