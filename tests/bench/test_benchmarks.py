"""Every benchmark runs at its smallest size with plausible numbers, so that no benchmark breaks unnoticed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from tests.support.command_line import CHECKOUT

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
SHARED = {"outcome", "process_tree", "selection_dspy", "selection_plot", "selection_rules", "selection_worlds"}
MARKS = {
    "fuzz": pytest.mark.skipif(find_spec("atheris") is None, reason="atheris has no wheel for this machine"),
    # These two benchmarks start a Prefect server with a new database.
    "orchestration": pytest.mark.services,
    "replay": pytest.mark.services,
}


def numbers_of(name: str) -> dict[str, Any]:
    """Run a benchmark and return what it measured. A benchmark that finds its numbers implausible exits with 1."""
    command = [sys.executable, str(CHECKOUT / "bench" / f"{name}.py"), "--smallest"]
    process = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=240, check=False)
    assert process.returncode == 0, process.stderr[-3000:]
    numbers: dict[str, Any] = json.loads(process.stdout)
    return numbers


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in RATIOS])
def test_a_benchmark_has_plausible_numbers(name: str) -> None:
    """Its only output on stdout is one JSON object with its ratios."""
    numbers = numbers_of(name)
    assert all(numbers[ratio] > 0 for ratio in RATIOS[name])


def test_every_benchmark_is_run_here() -> None:
    assert {file.stem for file in (CHECKOUT / "bench").glob("*.py")} == RATIOS.keys() | SHARED
