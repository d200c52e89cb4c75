"""A cluster that cannot be started is a failure of the outside world. A deployed flow can be sent to a cluster."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, Never

import cloudpickle
import pytest
from prefect.flows import Flow, load_flow_from_entrypoint

from tests.support.command_line import CHECKOUT
from workbench.errors import OutsideError
from workbench.nouns import TaskRunner
from workbench.tasks.runners import send_itself, started


def test_a_ray_cluster_that_does_not_start_is_reported_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """If Ray does not start, it raises a bare Exception."""
    ray = ModuleType("prefect_ray")

    def refuse(**_: object) -> Never:
        raise Exception("The current node timed out during startup.\nMore lines")  # as Ray does

    monkeypatch.setattr(ray, "RayTaskRunner", refuse, raising=False)
    monkeypatch.setitem(sys.modules, "prefect_ray", ray)
    message = r"the ray cluster on this machine cannot be used \(The current node timed out during startup\.\)"
    with pytest.raises(OutsideError, match=message) as failed, started(TaskRunner("ray"), 4):
        pass
    assert failed.value.lasting


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
