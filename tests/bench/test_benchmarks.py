"""Every benchmark runs at its smallest size with plausible numbers, so that no benchmark breaks unnoticed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CHECKOUT
from tests.support.prefect_database import new_database

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
    # These two benchmarks start a Prefect server.
    "orchestration": pytest.mark.services,
    "replay": pytest.mark.services,
}


def numbers_of(name: str, folder: Path) -> dict[str, Any]:
    """Run a benchmark and return what it measured. A benchmark that finds its numbers implausible exits with 1.

    A benchmark that starts a Prefect server gets a database in the folder.
    """
    command = [sys.executable, str(CHECKOUT / "bench" / f"{name}.py"), "--smallest"]
    environ = {**os.environ, **new_database(folder)} | {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{folder}/prefect.db"
    }
    process = subprocess.run(
        command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, timeout=240, check=False
    )
    assert process.returncode == 0, process.stderr[-3000:]
    numbers: dict[str, Any] = json.loads(process.stdout)
    return numbers


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in RATIOS])
def test_a_benchmark_has_plausible_numbers(name: str, tmp_path: Path) -> None:
    """Its only output on stdout is one JSON object with its ratios."""
    numbers = numbers_of(name, tmp_path)
    assert all(numbers[ratio] > 0 for ratio in RATIOS[name])


def test_every_benchmark_is_run_here() -> None:
    assert {file.stem for file in (CHECKOUT / "bench").glob("*.py")} == RATIOS.keys() | SHARED
