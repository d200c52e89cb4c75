"""A cluster that cannot be started is a failure of the outside world. A deployed flow can be sent to a cluster."""

from __future__ import annotations

import logging
import os
import pickle
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Never

import cloudpickle
import pytest
from prefect.flows import Flow, load_flow_from_entrypoint

from tests.support.command_line import CHECKOUT
from workbench.errors import OutsideError
from workbench.nouns import TaskRunner
from workbench.tasks.runners import RAY_SETTINGS, send_itself, started


@dataclass
class Starts:
    """The starts of Ray, each with its parameters and with the settings that Ray reads from the environment."""

    parameters: list[dict[str, Any]] = field(default_factory=list)
    settings: list[dict[str, str | None]] = field(default_factory=list)

    def refuse(self, **parameters: Any) -> Never:
        self.parameters.append(parameters)
        self.settings.append({name: os.environ.get(name) for name in RAY_SETTINGS})
        raise Exception("The current node timed out during startup.\nMore lines")  # as Ray does


@pytest.fixture
def starts(monkeypatch: pytest.MonkeyPatch) -> Starts:
    """Return the record of starts of a Ray that never starts. The package may not be installed."""
    starts, ray = Starts(), ModuleType("prefect_ray")
    monkeypatch.setattr(ray, "RayTaskRunner", starts.refuse, raising=False)
    monkeypatch.setitem(sys.modules, "prefect_ray", ray)
    for name in RAY_SETTINGS:
        monkeypatch.setenv(name, "")  # so that the environment is as before when the test ends
        monkeypatch.delenv(name)
    return starts


@pytest.mark.parametrize(
    ("address", "place", "remedy"),
    [
        (None, "on this machine", "or choose threads"),
        ("ray://127.0.0.1:10001", "at ray://127.0.0.1:10001", "set RAY_AUTH_MODE=token if the cluster has a token"),
    ],
)
def test_a_ray_cluster_that_does_not_start_is_reported_with_its_reason(
    starts: Starts, address: str | None, place: str, remedy: str
) -> None:
    """If Ray does not start, it raises a bare Exception."""
    with pytest.raises(OutsideError) as failed, started(TaskRunner("ray", address), 4):
        pass
    message = str(failed.value)
    assert f"the ray cluster {place} cannot be used (The current node timed out during startup.)" in message
    assert remedy in message and failed.value.lasting


def test_a_ray_cluster_of_a_run_never_joins_another_cluster(starts: Starts) -> None:
    """Without an address, Ray connects to a cluster that runs on the machine already."""
    for address in (None, "ray://127.0.0.1:10001"):
        with pytest.raises(OutsideError), started(TaskRunner("ray", address), 4):
            pass
    own, other = starts.parameters
    assert (own["address"], own["init_kwargs"]["num_cpus"]) == ("local", 4)
    # Both print nothing of their own. A cluster at an address has its number of CPUs already.
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    assert other == {"address": "ray://127.0.0.1:10001", "init_kwargs": quiet}
    assert quiet.items() <= own["init_kwargs"].items()


def test_ray_gets_more_time_to_start_unless_the_environment_says_how_much(
    starts: Starts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray waits 30 s for a node by itself, which is too short on a busy machine."""
    monkeypatch.setenv("RAY_raylet_start_wait_time_s", "45")
    with pytest.raises(OutsideError), started(TaskRunner("ray"), 4):
        pass
    assert starts.settings == [{**RAY_SETTINGS, "RAY_raylet_start_wait_time_s": "45"}]


def test_workers_need_no_module_of_a_deployed_flow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect loads the flow of a deployment from its file, as the module `optimize`. No worker can import that."""
    flow: Flow[..., Any] = load_flow_from_entrypoint(
        f"{CHECKOUT / 'flows' / 'optimize.py'}:optimize", use_placeholder_flow=False
    )
    module = sys.modules[flow.fn.__module__]
    send_itself(flow, cloudpickle)
    try:
        content = cloudpickle.dumps(flow)
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    monkeypatch.delitem(sys.modules, module.__name__)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if not Path(folder, "optimize.py").exists()])
    received = pickle.loads(content)  # noqa: S301  # we made the pickle
    assert (received.name, received.flow_run_name.__name__) == ("optimize", "title")
