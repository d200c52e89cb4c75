"""Tests with providers that fail for single calls, and for a while."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import patient
from tests.support.command_line import CommandLine, study, wait_for
from tests.support.command_study import planner_study
from tests.support.flow_runs import only_flow_run, state
from workbench.run import journal

pytestmark = pytest.mark.processes


def test_a_run_finishes_although_one_call_in_five_fails(line: CommandLine, tmp_path: Path) -> None:
    """Failed calls are retried and counted, and no failure becomes a score.

    In the null world, no prompt is better than another. A run without a better prompt is a result and not a failure.
    """
    # Nothing can be written below this HOME, not even by root.
    with line.having(HOME="/proc").rehearsing(fail_rate=0.2, seed=1, world="null") as (rehearsal_line, _):
        result, report = rehearsal_line.optimize(study(tmp_path / "eine Studie für später", budget=8), "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert (report["status"], report["better"], report["rehearsal_world"]) == ("done", False, "null:1")
    assert "No better prompt found" in result.stdout
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert not any("purpose" in json.loads(trial)["reason"] for trial in trials)


def test_a_retried_flow_executes_nothing_twice(line: CommandLine, tmp_path: Path) -> None:
    """The providers fail until the tasks give up, and then work again. The retried flow goes on where it stopped."""
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.3) as (rehearsal_line, rehearsal):
        report_file = line.home / "report.json"
        process = rehearsal_line.start("run", file, "--rehearse", "--json", report_file)
        wait_for(lambda: len(line.results("execute")) >= 3)
        rehearsal.fail_rate = 1.0
        # The first of these states lasts for ten seconds. A busy server may need longer for one answer.
        wait_for(lambda: state(line, only_flow_run(line))["name"] in ("AwaitingRetry", "Retrying"))
        rehearsal.fail_rate = rehearsal.latency = 0.0
        _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    (run,) = (line.home / "runs").iterdir()
    executed = [call.key for call in journal.read(run) if (call.action, call.kind) == ("execute", "ok")]
    assert len(executed) == len(set(executed)) == len(line.results("execute"))
    report = json.loads(report_file.read_text())
    assert report["status"] == "done"
    assert sum(report["failures"].values()) > 0


def test_a_lasting_failure_is_not_repeated(line: CommandLine, tmp_path: Path) -> None:
    """No answer can be kept, so nothing is bought. The flow has retries left, and does not use them."""
    line, calls = line.counting()
    (line.home / "results").mkdir()
    (line.home / "results" / "execute").write_text("")
    result = line.run("run", study(tmp_path / "study", runtime="mix"), "--rehearse")
    assert result.exit_code == 3, result.stderr
    assert "answers cannot be written" in result.stderr
    assert "Traceback" not in result.stderr
    assert calls.read_text() == ""
    flow_run = only_flow_run(line)
    assert patient.get(f"{line.env['PREFECT_API_URL']}/flow_runs/{flow_run}").json()["run_count"] == 1


def test_one_study_started_twice_at_once_buys_each_answer_once(line: CommandLine, tmp_path: Path) -> None:
    """Both processes lock a key before they submit its task. Both finish. The rehearsal counts the requests."""
    file = planner_study(tmp_path / "study", optimizer="static", budget=2)
    with line.rehearsing(latency=1.0) as (rehearsal_line, rehearsal):
        processes = [rehearsal_line.start("run", file, "--rehearse") for _ in range(2)]
        for process in processes:
            _, err = process.communicate(timeout=400)
            assert process.returncode == 0, err
    assert len(list((line.home / "executions").iterdir())) == len(line.results("execute")) == 5
    assert set(rehearsal.tries.values()) == {1}
    assert list((line.home / "locks").iterdir()) == []
