"""The guide to operations names only what exists, and systemd accepts the units that we ship."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.command_line import CHECKOUT
from tests.support.readme import blocks

pytestmark = pytest.mark.processes

GUIDE = CHECKOUT / "docs" / "guide" / "operations.md"
UNITS = sorted((CHECKOUT / "deployments" / "systemd").glob("*.service"))
DEPLOYMENTS = yaml.safe_load((CHECKOUT / "prefect.yaml").read_text())["deployments"]


def test_the_guide_has_the_commands_of_the_readme() -> None:
    """tests/flows/test_readme.py runs the block of the README, and tests/deployments/test_guide.py all blocks."""
    first, second = blocks("sh", GUIDE)[:2]
    bootstrap, rest = first.split("\n", 1)
    assert bootstrap == "script/bootstrap"
    assert rest in blocks("sh")
    assert second.splitlines()[0] == rest.splitlines()[0]


def test_the_guide_names_every_deployment() -> None:
    names = {f"{deployment['entrypoint'].partition(':')[2]}/{deployment['name']}" for deployment in DEPLOYMENTS}
    assert names == {"optimize/nightly", "watch/watch", "requalify/requalify", "notify/notify"}
    assert all(f"`{name}`" in GUIDE.read_text() for name in names)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_every_entrypoint_is_a_flow_whose_parameters_are_described(deployment: dict[str, Any]) -> None:
    """The UI's form shows a description for each parameter. A flow that cannot be imported would be a placeholder."""
    from prefect.flows import Flow, load_flow_from_entrypoint

    flow: Flow[..., Any] = load_flow_from_entrypoint(
        str(CHECKOUT / str(deployment["entrypoint"])), use_placeholder_flow=False
    )
    properties = flow.parameters.properties
    assert set(deployment["parameters"]) <= set(properties)
    assert [name for name, value in properties.items() if not value.get("description")] == []
    set_parameters = set(deployment["parameters"])
    for trigger in deployment.get("triggers", []):
        set_parameters |= set(trigger["parameters"])
    assert set(flow.parameters.required) <= set_parameters


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_the_unit(unit: Path, tmp_path: Path) -> None:
    """In the unit, this checkout takes the place of /opt/workbench."""
    for other in UNITS:
        (tmp_path / other.name).write_text(other.read_text().replace("/opt/workbench", str(CHECKOUT)))
    command = ["systemd-analyze", "verify", str(tmp_path / unit.name)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
