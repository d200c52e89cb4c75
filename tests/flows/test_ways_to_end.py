"""How a run ends when it cannot go on: the exit code, the words, and what is kept."""

from __future__ import annotations

import contextlib
import json
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.command_line import CHECKOUT, EXAMPLE, CommandLine, study, wait_for
from workbench import journal


def test_two_mistakes_in_a_study_are_told_at_once(line: CommandLine, tmp_path: Path) -> None:
    """Each with its line, and nothing is started."""
    file = study(tmp_path / "study", optimizer="gepaa", budgett=3)
    for command in (["run"], ["check"]):
        ended = line.having(PREFECT_API_URL="http://127.0.0.1:9/api").run(*command, file)
        assert ended.exit_code == 2
        assert 'optimizer: "gepaa" is not known' in ended.stderr
        assert 'did you mean "gepa"' in ended.stderr
        assert "budgett: this key is not known" in ended.stderr
        assert 'did you mean "budget"' in ended.stderr
        assert all(f"{file}:" in row for row in ended.stderr.splitlines())
        assert "Traceback" not in ended.stderr
    assert not (line.home / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "STUDY"),
        (["runn", "x"], "runn"),
        (["run", "nothing.yaml"], "there is no such file"),
        (["run", EXAMPLE, "--budget", "1"], "budget"),
        (["run", EXAMPLE, "--optimizer", "mipr"], 'did you mean "mipro"'),
        (["run", EXAMPLE, "--budget", "many"], "many"),
        (["show"], "workbench run STUDY"),
        (["generate", "latest"], "workbench run STUDY"),
        (["rehearsal", "--world", "nul"], "null"),
        (["init", "a goal", "no-gold.md"], "no-gold.md"),
    ],
)
def test_what_the_user_can_mend_is_exit_code_2(line: CommandLine, arguments: list[object], words: str) -> None:
    """With what is wrong, and without a traceback."""
    ended = line.run(*arguments)
    assert ended.exit_code == 2, ended
    assert words in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_a_missing_key_is_exit_code_3_and_never_a_rehearsal(line: CommandLine) -> None:
    """Told before anything is paid for."""
    ended = line.run("run", EXAMPLE)
    assert ended.exit_code == 3
    assert "GEMINI_API_KEY" in ended.stderr
    assert "--rehearse" in ended.stderr
    assert not line.results("execute")
    assert "Traceback" not in ended.stderr


def test_a_server_that_does_not_answer_is_exit_code_3(line: CommandLine) -> None:
    """An address that the user gave is not replaced by another."""
    ended = line.having(PREFECT_API_URL="http://127.0.0.1:9/api").run("run", EXAMPLE, "--rehearse")
    assert ended.exit_code == 3
    assert "PREFECT_API_URL" in ended.stderr


def test_init_writes_a_study_that_checks(line: CommandLine, tmp_path: Path) -> None:
    """Once: a file that is there is not overwritten."""
    gold = tmp_path / "gold plan.md"
    gold.write_text("# Gold\n\nTelemetry.")
    output = tmp_path / "mine" / "study.yaml"
    assert line.run("init", "Write the plan: for 'us' # all", gold, "--output", output).exit_code == 0
    assert line.run("check", output).exit_code == 0
    assert "Write the plan: for 'us' # all" in output.read_text()
    assert line.run("init", "other", gold, "--output", output).exit_code == 2


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_run_ends_soon_and_goes_on_with_the_same_command(
    line: CommandLine, tmp_path: Path, how: signal.Signals
) -> None:
    """130, nothing left running, and what was kept is not paid for again."""
    line, calls = line.counting()
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.5) as (pointed, rehearsal):
        running = pointed.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 3)
        begun = time.monotonic()
        running.send_signal(how)
        _, err = running.communicate(timeout=30)
        assert time.monotonic() - begun < 15
        assert running.returncode == 130
        assert "the same command goes on" in err
        assert "Traceback" not in err
        assert not started_by(line)
        kept, made = len(line.results("execute")), len(calls.read_text().splitlines())
        rehearsal.latency = 0.0
        ended, report = pointed.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["cache_hits"] == kept
    assert report["executions"] == len(calls.read_text().splitlines()) - made


def test_a_killed_run_loses_nothing_that_was_paid_for(line: CommandLine, tmp_path: Path) -> None:
    """kill -9: only what was in flight is paid for again."""
    line, calls = line.counting()
    file = study(tmp_path / "study", optimizer="copro", budget=12)
    with line.rehearsing(latency=0.5) as (pointed, rehearsal):
        running = pointed.start("run", file, "--rehearse")
        wait_for(lambda: len(line.results("execute")) >= 3)
        running.kill()
        running.communicate(timeout=30)
        rehearsal.latency = 0.0
        wait_for(lambda: not started_by(line))
        kept, made = len(line.results("execute")), len(calls.read_text().splitlines())
        assert made - kept <= 4
        ended, report = pointed.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["cache_hits"] == kept
    assert report["executions"] == len(calls.read_text().splitlines()) - made


def test_one_call_in_five_fails_and_the_run_finishes(line: CommandLine, tmp_path: Path) -> None:
    """Retried, counted, and no failure becomes a score."""
    with line.rehearsing(fail_rate=0.2, seed=1) as (pointed, _):
        ended, report = pointed.optimize(study(tmp_path / "study", budget=8), "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["status"] == "done"
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert not any("purpose" in json.loads(trial)["reason"] for trial in trials)


def test_when_all_calls_fail_the_run_ends_with_exit_code_3(line: CommandLine, tmp_path: Path) -> None:
    """After its retries, with what to do, and with the failures in the journal."""
    with line.rehearsing(fail_rate=1.0) as (pointed, _):
        ended = pointed.run("run", study(tmp_path / "study"), "--rehearse")
    assert ended.exit_code == 3
    assert "the same command goes on" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not line.results("execute")
    shown = line.run("show")
    assert shown.exit_code == 0
    assert "failures" in shown.stdout


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
    made = [entry["key"] for entry in journal.read(run) if (entry["action"], entry["kind"]) == ("execute", "ok")]
    assert len(made) == len(set(made)) == len(line.results("execute"))
    told = json.loads(report.read_text())
    assert told["status"] == "done"
    assert sum(told["failures"].values()) > 0


def test_in_the_null_world_no_better_prompt_is_found(line: CommandLine, tmp_path: Path) -> None:
    """Which is a result, not a failure."""
    with line.rehearsing(world="null") as (pointed, _):
        ended, report = pointed.optimize(study(tmp_path / "study"), "--rehearse")
    assert ended.exit_code == 0
    assert report["better"] is False
    assert report["rehearsal_world"] == "null:0"
    assert "No better prompt found" in ended.stdout


def test_another_goal_another_gold_plan_another_program(line: CommandLine, tmp_path: Path) -> None:
    """No code changes: only the study does. Two goals, two gold plans for one of them, a writer."""
    data = CHECKOUT / "tests" / "data" / "otp_refactor"
    gold = [str(file) for file in sorted(data.glob("*.md"))]
    file = study(
        tmp_path / "study",
        program="writer",
        optimizer="bootstrap",
        goals=[
            {"name": "phase-two", "goal": "Plan the second phase of the OTP migration", "gold": gold},
            {"name": "release", "goal": "Plan a safer release", "gold": "gold.md"},
        ],
        budget=8,
    )
    ended, report = line.optimize(file, "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    assert report["status"] == "done"
    assert report["proposals"] > 0
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert {json.loads(trial)["goal"] for trial in trials} == {"phase-two", "release"}


def state(line: CommandLine) -> dict[str, Any]:
    """The state of the flow run that this home's run is."""
    (run,) = (line.home / "runs").iterdir()
    flow_run = json.loads((run / "run.json").read_text())["flow_run_url"].rpartition("/")[2]
    found: dict[str, Any] = httpx.get(f"{line.env['PREFECT_API_URL']}/flow_runs/{flow_run}").json()["state"]
    return found


def started_by(line: CommandLine) -> list[str]:
    """Processes that execute a pipeline for this home: what has ended has no folder that it works in."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink().is_relative_to(line.home / "executions"):
                found.append(process.name)
    return found
