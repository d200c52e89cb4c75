"""Tests of the pull step: it finds the flows in the checkout, and in a clone of a git repository."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import CHECKOUT
from tests.support.commits import Commits
from workbench.deployments import pull
from workbench.deployments.pull import working_directory
from workbench.errors import UserError

(STEP,) = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())["pull"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin in the empty folder that a worker makes for a flow run."""
    (tmp_path / "flow run").mkdir()
    monkeypatch.chdir(tmp_path / "flow run")


def test_a_flow_runs_in_the_checkout_of_its_worker() -> None:
    """This is what prefect.yaml says."""
    ((name, inputs),) = STEP.items()
    assert name == f"{working_directory.__module__}.{working_directory.__name__}"
    assert asyncio.run(working_directory(**inputs)) == {"directory": str(CHECKOUT)}
    assert Path.cwd() == CHECKOUT


@pytest.mark.parametrize("branch", ["", "main"])
def test_a_flow_runs_in_a_clone_of_a_repository(tmp_path: Path, branch: str) -> None:
    commits = Commits.begin(tmp_path / "mine")
    commits.commit({"flows/optimize.py": "flow"})
    output: dict[str, Any] = asyncio.run(working_directory(f"file://{commits.folder}", branch))
    assert Path(output["directory"], "flows", "optimize.py").read_text() == "flow"


def test_an_installed_workbench_needs_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "CHECKOUT", tmp_path)
    with pytest.raises(UserError, match="the URL of a git repository: set `repository` under pull"):
        asyncio.run(working_directory())
