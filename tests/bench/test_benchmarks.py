"""Every benchmark runs at its smallest size with plausible numbers, so that no benchmark breaks unnoticed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.command_line import CHECKOUT, CommandLine
from workbench.system import prefect_server

pytestmark = pytest.mark.processes

#: The ratios that each benchmark measures, to a baseline of the same run.
RATIOS = {
    "adapter": ["ratio"],
    "fuzz": ["ratio"],
    "null_world": ["ratio"],
    "orchestration": ["speed_up"],
    "promotion": ["ratio"],
    "replay": ["speed_up"],
    "runtime": ["cpu_ratio", "time_ratio"],
    "selection": ["ratio"],
    "supervision": ["ratio"],
}
#: Modules that the benchmarks share.
SHARED = {
    "outcome",
    "process_tree",
    "selection_dspy",
    "selection_plot",
    "selection_rules",
    "selection_worlds",
    "server",
}
#: The benchmarks that need a Prefect server.
WITH_SERVER = ["orchestration", "replay"]
MARKS = {"fuzz": pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine")}


def numbers_of(name: str, *options: object) -> dict[str, Any]:
    """Run a benchmark and return what it measured. A benchmark that finds its numbers implausible exits with 1."""
    command = [sys.executable, str(CHECKOUT / "bench" / f"{name}.py"), "--smallest", *map(str, options)]
    process = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=500, check=False)
    assert process.returncode == 0, process.stderr[-3000:]
    numbers: dict[str, Any] = json.loads(process.stdout)
    return numbers


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=MARKS.get(name, ())) for name in RATIOS if name not in WITH_SERVER]
)
def test_a_benchmark_has_plausible_numbers(name: str) -> None:
    """Its only output on stdout is one JSON object with its ratios."""
    numbers = numbers_of(name)
    assert all(numbers[ratio] > 0 for ratio in RATIOS[name])


@pytest.mark.parametrize("name", WITH_SERVER)
def test_a_benchmark_of_runs_has_plausible_numbers(name: str, server_owner: CommandLine) -> None:
    """The benchmark uses a server that runs already, and leaves it running. A start takes seconds."""
    numbers = numbers_of(name, "--server", server_owner.home)
    assert all(numbers[ratio] > 0 for ratio in RATIOS[name])
    assert prefect_server.running_server(server_owner.home)


def test_every_benchmark_is_run_here() -> None:
    assert {file.stem for file in (CHECKOUT / "bench").glob("*.py")} == RATIOS.keys() | SHARED
