"""The types of Prefect's client read our automations."""

from __future__ import annotations

import json
import uuid

import pytest
from prefect.events.actions import CallWebhook, RunDeployment
from prefect.events.schemas.automations import AutomationCore

from workbench.alerts.automations import Alert, _matches, alerts

DEPLOYMENT, BLOCK = str(uuid.uuid4()), str(uuid.uuid4())


@pytest.mark.parametrize("block", [None, BLOCK], ids=["no block", "a block"])
@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_prefects_client_reads_an_automation_unchanged(alert: Alert, block: str | None) -> None:
    """Prefect's client has the types of the server, but not the code that decides about events."""
    expected = alert.automation(DEPLOYMENT, block)
    read = AutomationCore.model_validate_json(json.dumps(expected))
    assert isinstance(read.actions[-1], RunDeployment)
    assert read.actions[-1].parameters == expected["actions"][-1]["parameters"]
    assert all(isinstance(action, CallWebhook) for action in read.actions[:-1])
    assert _matches(json.loads(read.model_dump_json()), expected)
