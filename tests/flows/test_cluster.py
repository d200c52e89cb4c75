"""Tests of studies whose task runs run in the processes of a cluster."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import bucket, dask
from tests.support.command_line import CommandLine, wait_for
from tests.support.command_study import planner_study
from workbench.system.ports import reserved

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

#: Ray is not in requirements.lock (docs/decisions/0021-task-runners.md).
NO_RAY = pytest.mark.skipif(find_spec("prefect_ray") is None, reason="Ray is not installed: pip install '.[ray]'")
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
        with dask(first, second) as cluster:
            report = optimized(flow, study, "--runner", f"dask@{cluster.address}")
            assert compared(report) == compared(expected)
            assert kinds(flow.home) == kinds(threads.home)
            executed = [len(list((worker.home / "executions").glob("*"))) for worker in (first, second)]
            assert sum(executed) == report["executions"] and all(executed), executed
            assert not (flow.home / "executions").exists() and not flow.results("execute")
            # The bucket has every answer, so the same study buys nothing a second time.
            again = optimized(flow, study, "--runner", f"dask@{cluster.address}")
            assert (again["executions"], again["cache_hits"]) == (0, expected["executions"])


@pytest.mark.parametrize("runner", ["dask", pytest.param("ray", marks=NO_RAY)])
def test_a_study_has_the_same_result_in_a_cluster_of_its_own(line: CommandLine, tmp_path: Path, runner: str) -> None:
    """The cluster lasts as long as the run. Its processes write into the run's own journal."""
    study = planner_study(tmp_path / "study", optimizer="static", confirm=4)
    with line.rehearsing() as (rehearsing, _):
        threads = CommandLine(tmp_path / "threads", rehearsing.environ)
        expected = optimized(threads, study)
        report = optimized(rehearsing, study, "--runner", runner)
        assert compared(report) == compared(expected)
        assert kinds(rehearsing.home) == kinds(threads.home)


def has_executed(line: CommandLine) -> bool:
    return len(line.results("execute")) >= 1


def test_a_run_survives_the_death_of_a_worker_and_not_of_the_scheduler(line: CommandLine, tmp_path: Path) -> None:
    """The other worker takes over. A dead scheduler ends the run with a message, and the next run goes on."""
    study = planner_study(tmp_path / "study", optimizer="static", confirm=4)
    with line.rehearsing(latency=3.0) as (rehearsing, _):
        for victim, exit_code in (("worker", 0), ("scheduler", 3)):
            home = CommandLine(tmp_path / victim, rehearsing.environ)
            home.home.mkdir()
            with dask(home, home) as cluster:
                process = home.start("run", study, "--rehearse", "--runner", f"dask@{cluster.address}")
                wait_for(partial(has_executed, home), RUN_SECONDS)
                (cluster.scheduler if victim == "scheduler" else cluster.workers[0]).kill()
                _, err = process.communicate(timeout=RUN_SECONDS)
                assert process.returncode == exit_code, err
        assert f"the dask cluster at {cluster.address} has failed" in err and "Traceback" not in err
        paid = len(home.results("execute"))
        assert optimized(home, study)["executions"] == 5 - paid


@pytest.mark.parametrize("runner", ["dask", pytest.param("ray", marks=NO_RAY)])
def test_an_interrupt_ends_a_cluster_of_its_own(line: CommandLine, tmp_path: Path, runner: str) -> None:
    """Ctrl-C reaches every process of the group. No process is left, and no traceback is printed."""
    study = planner_study(tmp_path / "study", optimizer="static", confirm=4)
    with line.rehearsing(latency=3.0) as (rehearsing, _):
        process = rehearsing.start("run", study, "--rehearse", "--runner", runner)
        wait_for(lambda: len(rehearsing.results("execute")) >= 1, RUN_SECONDS)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=RUN_SECONDS)
        assert process.returncode == 130, err
        assert "Traceback" not in err
        wait_for(lambda: not group_runs(process.pid) and not home_is_used(rehearsing.home))


def group_runs(group: int) -> bool:
    """Return True if a process of the group has not ended."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, of_group = status.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state != "Z":
                return True
    return False


def home_is_used(home: Path) -> bool:
    """Return True if a process with this home has not ended. Ray gives each of its workers a group of its own."""
    variable = f"\0WORKBENCH_HOME={home}\0".encode()
    for environment in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if variable in b"\0" + environment.read_bytes():
                return True
    return False


@pytest.mark.parametrize(("runner", "scheme"), [("dask", "tcp"), pytest.param("ray", "ray", marks=NO_RAY)])
def test_a_run_whose_cluster_does_not_answer_says_so(
    line: CommandLine, tmp_path: Path, runner: str, scheme: str
) -> None:
    """The message names the address, and nothing was bought."""
    study = planner_study(tmp_path / "study", optimizer="static")
    with reserved() as port:
        result, _ = line.optimize(study, "--rehearse", "--runner", f"{runner}@{scheme}://127.0.0.1:{port}")
    assert result.exit_code == 3, result.stderr
    assert f"the {runner} cluster at {scheme}://127.0.0.1:" in result.stderr and "Traceback" not in result.stderr
    assert not line.results("execute")
