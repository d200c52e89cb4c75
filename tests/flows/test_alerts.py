"""The automations of a real Prefect server start a notification for each problem."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support import patient
from tests.support.command_line import CHECKOUT, PREFECT, CommandLine, wait_for
from tests.support.deployments import WORKER, api, create_flow_run, deployed, end_of, running
from tests.support.http_server import Handler, serving
from workbench.alerts import automations
from workbench.alerts.unstarted import mark_unstarted
from workbench.system import server_client

pytestmark = pytest.mark.processes

#: A name that a template engine or a log could take for something else.
HOSTILE = '{{ 7 * 7 }}\n"} <b>'
#: A busy server may need more than ten seconds for the event that a run has ended.
QUIET_SECONDS = 30.0
LOOK_FAILED = "a look at a repository failed or crashed"
NO_PROGRESS = f"a run made no progress for {QUIET_SECONDS:.0f} seconds"


@pytest.fixture
def posted() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the address of a webhook, and the list of the notifications that are posted to this address."""
    bodies: list[dict[str, Any]] = []

    class Hook(Handler):
        def do_POST(self) -> None:  # noqa: N802  # http.server prescribes the name
            bodies.append(json.loads(self.body()))
            self.reply(200, b"")

    with serving(Hook) as url:
        yield f"{url}/hook", bodies


@pytest.fixture
def client(line: CommandLine, posted: tuple[str, list[dict[str, Any]]]) -> Iterator[httpx.Client]:
    """Yield a client of the server: a run is stuck after half a minute, and the server posts that no worker is left.

    After the tests, a run is stuck after an hour again, and the server posts nothing.
    """
    changed = ["Workbench: a run is stuck", "Workbench: no worker"]
    with server_client.api(api(line), {}) as client:
        client.timeout = httpx.Timeout(patient.SECONDS)
        assert automations.create(client, posted[0], QUIET_SECONDS) == changed
        yield client
        document = "/block_types/slug/webhook/block_documents/name/workbench-notify"
        client.request("DELETE", f"/block_documents/{client.request('GET', document).json()['id']}")
        assert automations.create(client, None) == changed


def flow_run(client: httpx.Client, flow: str, *states: str, name: str = HOSTILE, deployment: str | None = None) -> str:
    """Make a run of a flow, or of a deployment of it, that goes through these types of states. Return its id."""
    flow_id = client.request("POST", "/flows/", json={"name": flow}).json()["id"]
    if deployment is None:
        run = str(client.request("POST", "/flow_runs/", json={"flow_id": flow_id, "name": name}).json()["id"])
    else:
        body = {"name": deployment, "flow_id": flow_id}
        made = client.request("POST", "/deployments/", json=body).json()["id"]
        run = str(client.request("POST", f"/deployments/{made}/create_flow_run", json={"name": name}).json()["id"])
    for state in states:
        body = {"state": {"type": state, "message": f"{HOSTILE} {state}"}, "force": True}
        client.request("POST", f"/flow_runs/{run}/set_state", json=body)
    return run


def notifications(client: httpx.Client, problem: str, resource: str) -> list[dict[str, Any]]:
    """Return the runs of `notify` for this problem of a flow run or a work pool. It can have happened before."""
    runs = client.request("POST", "/flow_runs/filter", json={"flows": {"name": {"any_": ["notify"]}}}).json()
    parameters = [run["parameters"] for run in runs]
    return [values for values in parameters if (values.get("problem"), values.get("resource")) == (problem, resource)]


def notified(client: httpx.Client, problem: str, resource: str, seconds: float = 300.0) -> dict[str, Any]:
    """Wait for the notification of this problem, and return its parameters. One event starts one notification."""
    deadline = time.monotonic() + seconds
    while not (runs := notifications(client, problem, resource)):
        assert time.monotonic() < deadline, f"{problem}: no notification within {seconds:.0f} s"
        time.sleep(0.5)
    # If a busy server answers with 503, the client repeats the request. So a state can be set twice.
    assert len({parameters["occurred"] for parameters in runs}) == len(runs)
    return runs[0]


def test_a_failed_run_a_stuck_run_and_a_lost_worker_start_one_notification_each(
    client: httpx.Client, posted: tuple[str, list[dict[str, Any]]]
) -> None:
    """A name that looks like a template arrives as it is. A run that ended, and a failed notification, start none.

    Neither does another failed look of the same deployment.
    """
    failed = flow_run(client, "optimize", "RUNNING", "FAILED")
    stuck = flow_run(client, "requalify", "RUNNING")
    quiet = [flow_run(client, "optimize", "RUNNING", "COMPLETED"), flow_run(client, "notify", "RUNNING", "FAILED")]
    look = flow_run(client, "watch", "RUNNING", "FAILED", deployment="one")
    other_look = flow_run(client, "watch", "RUNNING", "FAILED", deployment="another")
    beat = {"name": "a worker that dies", "heartbeat_interval_seconds": 1}
    client.request("POST", "/work_pools/workbench/workers/heartbeat", json=beat)
    pool = client.request("GET", "/work_pools/workbench").json()["id"]

    parameters = notified(client, "a run failed or crashed", f"prefect.flow-run.{failed}")
    assert (parameters["name"], parameters["detail"]) == (HOSTILE, f"{HOSTILE} FAILED")
    parameters = notified(client, NO_PROGRESS, f"prefect.flow-run.{stuck}")
    assert parameters["name"] == HOSTILE
    for run in (look, other_look):
        notified(client, LOOK_FAILED, f"prefect.flow-run.{run}")
    # Looks that keep failing are reported at most once in six hours.
    later_looks = [flow_run(client, "watch", "RUNNING", "FAILED", deployment="one") for _ in range(2)]
    last = flow_run(client, "optimize", "RUNNING", "FAILED")
    gone = "the last worker of the work pool crashed or was stopped"
    # No worker is there, so the server itself posts. A worker executes the flow run later, and does not post again.
    assert notified(client, gone, f"prefect.work-pool.{pool}")["posted"] is True
    deadline = time.monotonic() + 300
    while not posted[1]:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    body = posted[1][0]
    assert (body["text"], body["problem"], body["name"]) == (f"{gone}: workbench", gone, "workbench")
    # By then, the server has handled the events of these looks.
    notified(client, "a run failed or crashed", f"prefect.flow-run.{last}")
    for run in (*quiet, *later_looks):
        for problem in ("a run failed or crashed", LOOK_FAILED, NO_PROGRESS):
            assert notifications(client, problem, f"prefect.flow-run.{run}") == []


def test_a_second_creation_changes_nothing_and_a_paused_automation_stays_paused(client: httpx.Client) -> None:
    """An automation that a person has deleted is created again."""
    query = {"automations": {"name": {"any_": [alert.name for alert in automations.alerts()]}}}
    assert automations.create(client, None, QUIET_SECONDS) == []
    before = client.request("POST", "/automations/filter", json=query).json()
    assert len(before) == 4
    stuck = next(item for item in before if item["name"] == "Workbench: a run is stuck")
    failed = next(item for item in before if item["name"] == "Workbench: a run failed")
    client.request("PATCH", f"/automations/{stuck['id']}", json={"enabled": False})
    client.request("DELETE", f"/automations/{failed['id']}")
    assert automations.create(client, None, QUIET_SECONDS + 1) == [
        "Workbench: a run failed",
        "Workbench: a run is stuck",
    ]
    assert client.request("GET", f"/automations/{stuck['id']}").json()["enabled"] is False
    client.request("PATCH", f"/automations/{stuck['id']}", json={"enabled": True})


@pytest.mark.services
@pytest.mark.timeout(900)
def test_a_worker_executes_the_notification_and_posts_it(
    line: CommandLine, posted: tuple[str, list[dict[str, Any]]]
) -> None:
    """The script creates the same automations. The notification is one line of the log.

    A run that no process began is marked as crashed.
    """
    url, bodies = posted
    deployed(line)
    script = line.run(CHECKOUT / "deployments" / "automations.py", program=PREFECT.with_name("python"))
    assert (script.exit_code, script.stdout) == (0, ""), script.stderr
    with server_client.api(api(line), {}) as client:
        client.timeout = httpx.Timeout(patient.SECONDS)
        failed = flow_run(client, "optimize", "RUNNING", "CRASHED")
        notified(client, "a run failed or crashed", f"prefect.flow-run.{failed}")
        # A worker was stopped when it had taken up the run, and before a process began it.
        pending = create_flow_run(line, "watch/watch")
        taken = {"state": {"type": "PENDING"}, "force": True}
        client.request("POST", f"/flow_runs/{pending}/set_state", json=taken)
        assert mark_unstarted(client) == []
        name = client.request("GET", f"/flow_runs/{pending}").json()["name"]
        # The clock of the server has whole seconds here.
        wait_for(lambda: name in mark_unstarted(client, seconds=0))
        assert end_of(line, pending).startswith("CRASHED A worker took up this flow run")
        with running(line.having(WORKBENCH_NOTIFY_URL=url), PREFECT, *WORKER):
            deadline = time.monotonic() + 300
            while not (posts := [body for body in bodies if failed in body["url"]]):
                assert time.monotonic() < deadline, bodies
                time.sleep(0.5)
    body = posts[0]
    assert body["text"].startswith('a run failed or crashed: {{ 7 * 7 }} "} <b> – {{ 7 * 7 }} "} <b> CRASHED – http://')
    assert os.linesep not in body["text"]
