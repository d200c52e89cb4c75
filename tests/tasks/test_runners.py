"""A cluster that cannot be started is a failure of the outside world."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Never

import pytest

from workbench.errors import OutsideError
from workbench.nouns import TaskRunner
from workbench.tasks.runners import started


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
