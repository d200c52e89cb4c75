"""Creates the automations of a Prefect server that start the deployment `notify/notify` when a run needs a person.

Prefect calls an automation's condition a trigger. A reactive trigger waits for an event. A proactive trigger waits for
an event that does not come.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workbench.alerts import server_post
from workbench.alerts.api import Api, request
from workbench.errors import UserError
from workbench.system.prefect_server import WORK_POOL

#: The deployment that the automations start, as FLOW/NAME, and its flow in an installed Workbench.
NOTIFY = "notify/notify"
ENTRYPOINT = "workbench.flows.notify.notify"
#: The flows whose runs are watched. `notify` is not among them, so no notification causes another one.
WATCHED_FLOWS = ("optimize", "requalify", "watch")
#: The flow that looks at a repository every few minutes, and fails as often if the repository cannot be read.
LOOKING_FLOW = "watch"
#: Prefect counts the failed looks of a deployment in windows of so many seconds. Each window causes one notification.
REMINDER_SECONDS = 21_600.0
#: A run without progress for this many seconds is stuck. Prefect allows 10 and more.
QUIET_SECONDS = 3600.0
#: The event that a flow run emits while it makes progress.
PROGRESS = "workbench.run.progress"
#: The names of states in which a flow run does something, and of states in which it does nothing more.
WORKING_STATES = ("Running", "Retrying")
RESTING_STATES = (
    "AwaitingRetry", "Cancelled", "Cancelling", "Completed", "Crashed", "Failed", "Paused", "Skipped", "Suspended",
    "TimedOut",
)  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One automation.

    Attributes:
        name: the automation's name on the server.
        problem: what happened, for a person.
        trigger: Prefect's trigger.
        without_worker: True if this problem can leave no worker that could execute notify/notify. The server then posts
            the problem itself.
    """

    name: str
    problem: str
    trigger: Mapping[str, Any]
    without_worker: bool = False

    def automation(self, deployment: str, webhook: str | None = None) -> dict[str, Any]:
        """Return the automation as Prefect's API takes it.

        Args:
            deployment: the id of notify/notify.
            webhook: the id of the block with the webhook's address, or None if the server knows no webhook.
        """
        posts = [server_post.action(self.problem, webhook)] if webhook and self.without_worker else []
        posted_parameter = {"posted": True} if posts else {}
        return {
            "name": self.name,
            "description": f"Starts {NOTIFY}: {self.problem}. Created by Workbench.",
            "trigger": dict(self.trigger),
            "actions": [
                *posts,
                {
                    "type": "run-deployment",
                    "source": "selected",
                    "deployment_id": deployment,
                    "parameters": {"problem": self.problem, **posted_parameter, **TEMPLATES},
                },
            ],
        }


#: Values of the event, for the parameters of notify/notify. Prefect writes each value as JSON and reads it again. So a
#: name that looks like a template stays a text.
TEMPLATES = {
    "resource": "{{ event.resource.id }}",
    "name": "{{ event.resource.get('prefect.resource.name', '') }}",
    "detail": "{{ event.resource.get('prefect.state-message', '') }}",
    "occurred": "{{ event.occurred.isoformat() }}",
}


def alerts(quiet_seconds: float = QUIET_SECONDS) -> tuple[Alert, ...]:
    """Return the automations. A run is stuck after `quiet_seconds` without progress."""
    working = [*(f"prefect.flow-run.{state}" for state in WORKING_STATES), PROGRESS]
    resting = [f"prefect.flow-run.{state}" for state in RESTING_STATES]
    return (
        *_failures(),
        Alert(
            "Workbench: a run is stuck",
            f"a run made no progress for {_period(quiet_seconds)}",
            {
                **_of_flows(*WATCHED_FLOWS),
                "posture": "Proactive",
                "after": working,
                "expect": [*working, *resting],
                "within": quiet_seconds,
            },
        ),
        Alert(
            "Workbench: no worker",
            "the last worker of the work pool crashed or was stopped",
            {
                "type": "event",
                "posture": "Reactive",
                "match": {"prefect.resource.id": "prefect.work-pool.*", "prefect.resource.name": WORK_POOL},
                "for_each": ["prefect.resource.id"],
                "expect": ["prefect.work-pool.not-ready"],
                "after": [],
                "threshold": 1,
                "within": 0.0,
            },
            without_worker=True,
        ),
    )


def _failures() -> tuple[Alert, Alert]:
    """Return the automations for failed runs: one for each run, and one for the looks of a deployment together."""
    others = (flow for flow in WATCHED_FLOWS if flow != LOOKING_FLOW)
    failed = {
        "posture": "Reactive",
        "expect": [f"prefect.flow-run.{state}" for state in ("Failed", "Crashed", "TimedOut")],
        "after": [],
    }
    run = {**_of_flows(*others), **failed, "within": 0.0}
    deployment = {"for_each": ["related:deployment:prefect.resource.id"], "within": REMINDER_SECONDS}
    look = {**_of_flows(LOOKING_FLOW), **failed, **deployment}
    return (
        Alert("Workbench: a run failed", "a run failed or crashed", run),
        Alert("Workbench: a look failed", "a look at a repository failed or crashed", look),
    )


def _of_flows(*flows: str) -> dict[str, Any]:
    """Return the part of a trigger that picks the events of each run of these flows."""
    return {
        "type": "event",
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "match_related": {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)},
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
    }


def create(api: Api, webhook: str | None, quiet_seconds: float = QUIET_SECONDS) -> list[str]:
    """Create each automation that is missing, and change each that differs. Return the names of both.

    An automation that a person has paused stays paused. An automation that does not differ is left alone,
    because a changed automation would forget for how long a run has made no progress.

    Args:
        webhook: the address to which the server posts that the last worker is gone. None keeps the last address.

    Raises:
        UserError: the server has no work pool of ours, or no kind of block for a webhook.
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    deployment, block = _deployment(api), server_post.block(api, webhook)
    written = []
    for alert in alerts(quiet_seconds):
        automation = alert.automation(deployment, block)
        query = {"automations": {"name": {"any_": [alert.name]}}}
        existing = api.request("POST", "/automations/filter", json=query).json()
        if not existing:
            api.request("POST", "/automations/", json={**automation, "enabled": True})
        elif not _matches(existing[0], automation):
            enabled = existing[0]["enabled"]
            api.request("PUT", f"/automations/{existing[0]['id']}", json={**automation, "enabled": enabled})
        else:
            continue
        written.append(alert.name)
    return written


def _deployment(api: Api) -> str:
    """Return the id of the deployment notify/notify. Create it for the work pool if it is missing.

    `prefect deploy` changes this deployment later, and keeps its id.
    """
    if (existing := request(api, "GET", f"/deployments/name/{NOTIFY}")) is not None:
        return str(existing["id"])
    flow, name = NOTIFY.split("/")
    created = request(
        api,
        "POST",
        "/deployments/",
        {
            "name": name,
            "flow_id": api.request("POST", "/flows/", json={"name": flow}).json()["id"],
            "entrypoint": ENTRYPOINT,
            "work_pool_name": WORK_POOL,
        },
    )
    if created is None:
        raise UserError(
            f"the Prefect server has no work pool {WORK_POOL}; expected one for the deployment {NOTIFY}: run prefect "
            f"work-pool create {WORK_POOL} --type process"
        )
    return str(created["id"])


def _matches(existing: Any, expected: Any) -> bool:
    """Return True if an automation of the server has all expected values.

    The server adds values and changes the order of lists of words. Neither counts as a difference.
    """
    if isinstance(expected, dict):
        return isinstance(existing, dict) and all(_matches(existing.get(key), value) for key, value in expected.items())
    if isinstance(expected, list):
        if not isinstance(existing, list) or len(existing) != len(expected):
            return False
        if all(isinstance(value, str) for value in expected):
            return sorted(existing, key=str) == sorted(expected)
        return all(_matches(value, expected_value) for value, expected_value in zip(existing, expected, strict=True))
    return bool(existing == expected)


def _period(seconds: float) -> str:
    if seconds == QUIET_SECONDS:
        return "an hour"
    number, unit = (seconds / 60, "minute") if seconds >= 60 else (seconds, "second")
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
