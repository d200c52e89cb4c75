"""Tests of studies whose task runs run in the processes of a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import bucket, dask, free_port
from tests.support.command_line import CommandLine
from tests.support.command_study import planner_study

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

#: The longest time of one run, in seconds. Each worker imports Prefect and DSPy first.
RUN_SECONDS = 280

COMPARED = ("best", "baseline", "better", "executions", "failures", "cache_hits", "proposals", "cost")


def compared(report: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a report that do not depend on where its task runs ran."""
    parts = {name: report[name] for name in COMPARED}
    best = dict(parts["best"])
    best["prompt"] = Path(best.pop("prompt_file")).read_text()
    return {**parts, "best": best}


def optimized(line: CommandLine, study: Path, *arguments: str) -> dict[str, Any]:
    """Rehearse a study, and return its report."""
    line.home.mkdir(exist_ok=True)
    report = line.home / "report.json"
    result = line.run("run", study, "--json", report, "--rehearse", *arguments, timeout=RUN_SECONDS)
    assert result.exit_code == 0, result.stderr
    return line.report()


def kinds(home: Path) -> list[tuple[str, str]]:
    """Return the action and the kind of every call in the journals of a home's runs."""
    lines = [line for journal in (home / "runs").glob("*/journal.jsonl") for line in journal.read_text().splitlines()]
    return sorted((record["action"], record["kind"]) for record in map(json.loads, lines))


def test_a_study_has_the_same_result_in_threads_and_in_two_dask_workers(line: CommandLine, tmp_path: Path) -> None:
    """The workers share no folder with the flow or with each other. Answers and journal lines go through the bucket."""
    study = planner_study(tmp_path / "study", optimizer="copro", budget=4, confirm=4)
    with line.rehearsing() as (rehearsing, _), bucket() as variables:
        threads = CommandLine(tmp_path / "threads", rehearsing.environ)
        expected = optimized(threads, study)
        flow = rehearsing.having(**variables)
        first, second = (CommandLine(tmp_path / name, flow.environ) for name in ("worker 1", "worker 2"))
        for worker in (first, second):
            worker.home.mkdir()
        with dask(first, second) as address:
            report = optimized(flow, study, "--runner", f"dask@{address}")
            assert compared(report) == compared(expected)
            assert kinds(flow.home) == kinds(threads.home)
            executed = [len(list((worker.home / "executions").glob("*"))) for worker in (first, second)]
            assert sum(executed) == report["executions"] and all(executed), executed
            assert not (flow.home / "executions").exists() and not flow.results("execute")
            # The bucket has every answer, so the same study buys nothing a second time.
            again = optimized(flow, study, "--runner", f"dask@{address}")
            assert (again["executions"], again["cache_hits"]) == (0, expected["executions"])


def test_a_run_without_its_cluster_says_so(line: CommandLine, tmp_path: Path) -> None:
    """The message names the address, and nothing was bought."""
    study = planner_study(tmp_path / "study", optimizer="static")
    result, _ = line.optimize(study, "--rehearse", "--runner", f"dask@tcp://127.0.0.1:{free_port()}")
    assert result.exit_code == 3, result.stderr
    assert "the dask cluster at tcp://127.0.0.1:" in result.stderr and "Traceback" not in result.stderr
    assert not line.results("execute")
