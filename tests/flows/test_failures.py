"""Providers that fail now and then, and for a while."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.command_line import CommandLine, study, wait_for
from workbench.run import journal

pytestmark = pytest.mark.processes


def test_one_call_in_five_fails_and_the_run_finishes(line: CommandLine, tmp_path: Path) -> None:
    """Retried, counted, and no failure becomes a score."""
    with line.rehearsing(fail_rate=0.2, seed=1) as (pointed, _):
        ended, report = pointed.optimize(study(tmp_path / "study", budget=8), "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["status"] == "done"
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert not any("purpose" in json.loads(trial)["reason"] for trial in trials)


def test_a_flow_that_is_retried_goes_on_where_it_was(line: CommandLine, tmp_path: Path) -> None:
    """The providers go away for longer than the tasks have patience, and come back: nothing is made twice."""
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.3) as (pointed, rehearsal):
        report = line.home / "report.json"
        running = pointed.start("run", file, "--rehearse", "--json", report)
        wait_for(lambda: len(line.results("execute")) >= 3)
        rehearsal.fail_rate = 1.0
        wait_for(lambda: state(line)["name"] == "AwaitingRetry", 120)
        rehearsal.fail_rate = rehearsal.latency = 0.0
        _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    (run,) = (line.home / "runs").iterdir()
    made = [call.key for call in journal.read(run) if (call.action, call.kind) == ("execute", "ok")]
    assert len(made) == len(set(made)) == len(line.results("execute"))
    told = json.loads(report.read_text())
    assert told["status"] == "done"
    assert sum(told["failures"].values()) > 0


def state(line: CommandLine) -> dict[str, Any]:
    """The state of the flow run that this home's run is."""
    (run,) = (line.home / "runs").iterdir()
    flow_run = json.loads((run / "run.json").read_text())["flow_run_url"].rpartition("/")[2]
    found: dict[str, Any] = httpx.get(f"{line.env['PREFECT_API_URL']}/flow_runs/{flow_run}").json()["state"]
    return found
