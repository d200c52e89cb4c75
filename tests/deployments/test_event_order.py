"""Tests of the order in which a restarted Prefect server handles events.

Importing the server takes seconds, so only the tests import it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from tests.support import patient
from tests.support.command_line import CommandLine, wait_for
from tests.support.deployments import api, deployed
from tests.support.prefect_database import new_database
from workbench.system import server_client


def event_id(at: float) -> UUID:
    """Return the id of an event that was emitted at this Unix time, as Prefect makes it (version 7)."""
    return UUID(int=int(at * 1000) << 80 | 7 << 76 | 2 << 62 | uuid4().int >> 66)


def waits(follows: UUID | None) -> bool:
    """Return True if an event that follows this one is kept until its predecessor was handled."""
    from prefect.server.events.ordering import EventArrivedEarly
    from prefect.server.events.schemas.events import ReceivedEvent

    from workbench.deployments.event_order import CausalOrdering

    event = ReceivedEvent.model_validate(
        {
            "occurred": datetime.now(UTC),
            "event": "prefect.flow-run.Crashed",
            "resource": {"prefect.resource.id": "prefect.flow-run.1"},
            "id": event_id(time.time()),
            "follows": follows,
        }
    )
    try:
        asyncio.run(CausalOrdering(scope="test").wait_for_leader(event))
    except EventArrivedEarly:
        return True
    return False


@pytest.mark.slow
def test_an_event_waits_only_for_a_predecessor_since_the_start_of_the_server() -> None:
    """The server cannot remember that it has handled an earlier one. An id that names no time counts as new."""
    from workbench.deployments.event_order import STARTED

    assert not waits(None)
    assert not waits(event_id(STARTED - 60))
    assert waits(event_id(STARTED + 1))
    assert waits(uuid4())


@pytest.mark.services
@pytest.mark.processes
def test_a_run_that_ends_after_a_restart_of_the_server_starts_a_notification(
    tmp_path: Path, own_port: dict[str, str]
) -> None:
    line = CommandLine(tmp_path / "home", {**new_database(tmp_path / "home" / "prefect"), **own_port})
    try:
        line = deployed(line.having(PREFECT_API_URL=line.run("server").stdout.strip()))
        with server_client.api(api(line), {}) as client:
            client.timeout = httpx.Timeout(patient.SECONDS)
            flow = client.request("POST", "/flows/", json={"name": "optimize"}).json()["id"]
            run = client.request("POST", "/flow_runs/", json={"flow_id": flow, "name": "mine"}).json()["id"]

            def set_state(kind: str) -> None:
                client.request("POST", f"/flow_runs/{run}/set_state", json={"state": {"type": kind}, "force": True})

            def notifications() -> list[str]:
                query = {"flows": {"name": {"any_": ["notify"]}}}
                found = client.request("POST", "/flow_runs/filter", json=query).json()
                return [item["parameters"]["resource"] for item in found]

            set_state("RUNNING")
            time.sleep(3)
            os.killpg(json.loads((line.home / "server.json").read_text())["pid"], signal.SIGKILL)
            assert line.run("server").stdout.strip() == api(line)
            set_state("CRASHED")
            wait_for(lambda: notifications() == [f"prefect.flow-run.{run}"])
    finally:
        line.run("server", "--stop")
