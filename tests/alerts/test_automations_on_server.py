"""The types of Prefect's server read our automations, and decide which events they notice.

Importing the server takes seconds, so these tests are apart from those that need only Prefect's client, and only the
tests import it.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from workbench.alerts.automations import PROGRESS, RESTING_STATES, Alert, _matches, alerts
from workbench.alerts.notification import Notification

if TYPE_CHECKING:
    from prefect.server.events.actions import CallWebhook, RunDeployment
    from prefect.server.events.schemas.automations import Automation, EventTrigger, TriggeredAction
    from prefect.server.events.schemas.events import ReceivedEvent

pytestmark = pytest.mark.slow

DEPLOYMENT = str(uuid.uuid4())
BLOCK = str(uuid.uuid4())
FAILED, LOOK_FAILED, STUCK, NO_WORKER = alerts()
#: Names that a template engine, a shell, a browser or a JSON reader could take for something else.
HOSTILE = [
    "{{ 7 * 7 }}",
    "{% for x in y %}",
    '"}, {"a": "',
    "<script>",
    "a\nb\u2028c",
    '{"__prefect_kind": "jinja"}',
    "5",
]


def automation(alert: Alert, webhook: str | None = None) -> Automation:
    from prefect.server.events.schemas.automations import Automation

    return Automation.model_validate(json.loads(json.dumps(alert.automation(DEPLOYMENT, webhook))))


def trigger(alert: Alert) -> EventTrigger:
    from prefect.server.events.schemas.automations import EventTrigger

    trigger = automation(alert).trigger
    assert isinstance(trigger, EventTrigger)
    return trigger


def event(name: str, flow: str = "optimize", label: str = "tonight", **labels: str) -> ReceivedEvent:
    """Return an event of a flow run, as the server makes it."""
    from prefect.server.events.schemas.events import ReceivedEvent

    resource = {"prefect.resource.id": "prefect.flow-run.1", "prefect.resource.name": label, **labels}
    related = {
        "prefect.resource.id": "prefect.flow.2",
        "prefect.resource.role": "flow",
        "prefect.resource.name": flow,
    }
    return ReceivedEvent.model_validate(
        {"occurred": datetime.now(UTC), "event": name, "resource": resource, "related": [related], "id": uuid.uuid4()}
    )


@pytest.mark.parametrize("state", ["Failed", "Crashed", "TimedOut"])
def test_a_run_that_failed_is_noticed(state: str) -> None:
    """A run that ends in another way is not noticed, and neither is a failed notification."""
    failed = trigger(FAILED)
    assert failed.covers(event(f"prefect.flow-run.{state}"))
    assert failed.immediate
    look_failed = trigger(LOOK_FAILED)
    assert look_failed.covers(event(f"prefect.flow-run.{state}", flow="watch"))
    assert not look_failed.covers(event(f"prefect.flow-run.{state}"))
    for flow in ("notify", "watch"):
        assert not failed.covers(event(f"prefect.flow-run.{state}", flow=flow))
    for other in ("Completed", "Skipped", "Cancelled", "AwaitingRetry", "Running"):
        assert not failed.covers(event(f"prefect.flow-run.{other}"))


def test_a_run_is_stuck_an_hour_after_its_last_progress() -> None:
    """Every state in which a run rests ends the wait. A heartbeat of Prefect is no progress."""
    stuck = trigger(STUCK)
    assert stuck.within.total_seconds() == 3600
    for begins in ("prefect.flow-run.Running", "prefect.flow-run.Retrying", PROGRESS):
        assert stuck.covers(event(begins))
        assert stuck.starts_after(begins)
        assert stuck.expects(begins)
    for state in RESTING_STATES:
        assert stuck.expects(f"prefect.flow-run.{state}")
        assert not stuck.starts_after(f"prefect.flow-run.{state}")
    assert not stuck.covers(event("prefect.flow-run.heartbeat"))
    sooner = alerts(120.0)[2]
    assert trigger(sooner).within.total_seconds() == 120
    assert "for 2 minutes" in sooner.problem


def test_only_the_work_pool_of_workbench_is_watched() -> None:
    for name, noticed in (("workbench", True), ("other", False)):
        labels = {"prefect.resource.id": "prefect.work-pool.3", "label": name}
        assert trigger(NO_WORKER).covers(event("prefect.work-pool.not-ready", **labels)) is noticed


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_reaches_the_notification_as_it_is(name: str) -> None:
    """Prefect fills the values of the event into the templates, and never reads a value as a template."""
    from prefect.server.events.actions import RunDeployment

    action = automation(FAILED).actions[0]
    assert isinstance(action, RunDeployment)
    happened = event("prefect.flow-run.Failed", label=name, **{"prefect.state-message": name})
    parameters = asyncio.run(action.render_parameters(triggered(action, happened)))
    assert (parameters["name"], parameters["detail"]) == (name, name)
    assert parameters["resource"] == "prefect.flow-run.1"
    assert datetime.fromisoformat(parameters["occurred"]) == happened.occurred
    assert parameters["problem"] == "a run failed or crashed"


def triggered(action: RunDeployment | CallWebhook, happened: ReceivedEvent) -> TriggeredAction:
    """Return an action together with the event that has caused the action."""
    from prefect.server.events.schemas.automations import Firing, TriggeredAction, TriggerState

    whole = automation(FAILED)
    firing = Firing.model_validate(
        {
            "trigger": trigger(FAILED),
            "trigger_states": {TriggerState.Triggered},
            "triggered": datetime.now(UTC),
            "triggering_labels": {},
            "triggering_event": happened,
        }
    )
    return TriggeredAction(
        automation=whole,
        firing=firing,
        triggered=firing.triggered,
        triggering_labels={},
        triggering_event=happened,
        action=action,
    )


def test_the_server_itself_posts_that_the_last_worker_is_gone() -> None:
    """A worker that comes later only logs the problem.

    The server posts nothing without a webhook, and nothing about a run.
    """
    from prefect.server.events.actions import CallWebhook, RunDeployment

    posts, starts = automation(NO_WORKER, BLOCK).actions
    assert isinstance(posts, CallWebhook)
    assert isinstance(starts, RunDeployment)
    assert str(posts.block_document_id) == BLOCK
    assert starts.parameters is not None
    assert starts.parameters["posted"] is True
    for alert, block in ((NO_WORKER, None), (FAILED, BLOCK), (STUCK, BLOCK)):
        (action,) = automation(alert, block).actions
        assert isinstance(action, RunDeployment)
        assert "posted" not in (action.parameters or {})


@pytest.mark.parametrize("name", HOSTILE)
def test_the_servers_post_has_the_form_of_every_notification(name: str) -> None:
    """Prefect renders the payload as JSON, whatever the name of the work pool is."""
    from prefect.server.events.actions import CallWebhook

    action = automation(NO_WORKER, BLOCK).actions[0]
    assert isinstance(action, CallWebhook)
    happened = event("prefect.work-pool.not-ready", label=name)
    (payload,) = asyncio.run(action._render([action.payload], triggered(action, happened)))
    problem, occurred = NO_WORKER.problem, happened.occurred.isoformat()
    assert json.loads(payload) == Notification(problem, name, "", "", occurred).to_json()


def test_an_automation_of_the_server_is_compared_without_what_the_server_adds() -> None:
    expected = STUCK.automation(DEPLOYMENT)
    existing = json.loads(automation(STUCK).model_dump_json())
    assert _matches(existing, expected)
    existing["trigger"]["expect"].reverse()
    assert _matches(existing, expected)
    assert not _matches(existing, alerts(60.0)[1].automation(DEPLOYMENT))
    assert not _matches(existing, STUCK.automation(str(uuid.uuid4())))
    gone = json.loads(automation(NO_WORKER, BLOCK).model_dump_json())
    assert _matches(gone, NO_WORKER.automation(DEPLOYMENT, BLOCK))
    assert not _matches(gone, NO_WORKER.automation(DEPLOYMENT))
    assert not _matches(gone, NO_WORKER.automation(DEPLOYMENT, str(uuid.uuid4())))
