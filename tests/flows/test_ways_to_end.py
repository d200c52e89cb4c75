"""Tests of how a run ends: its exit code, its messages, and the files that it leaves."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, EXAMPLE, WORKBENCH, CommandLine, study

pytestmark = pytest.mark.processes


def test_all_mistakes_in_a_study_are_reported_together(line: CommandLine, tmp_path: Path) -> None:
    """Each mistake has its file and line, and nothing is started."""
    file = study(tmp_path / "study", optimizer="gepaa", budgett=3)
    for command in (["run"], ["check"]):
        result = line.having(PREFECT_API_URL="http://127.0.0.1:9/api").call(*command, file)
        assert result.exit_code == 2
        assert 'optimizer: "gepaa" is not known' in result.stderr
        assert 'did you mean "gepa"' in result.stderr
        assert "budgett: this key is not known" in result.stderr
        assert 'did you mean "budget"' in result.stderr
        assert all(f"{file}:" in row for row in result.stderr.splitlines())
        assert "Traceback" not in result.stderr
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
def test_a_users_mistake_ends_with_exit_code_2(line: CommandLine, arguments: list[object], words: str) -> None:
    """The output says what is wrong, without a traceback."""
    result = line.call(*arguments)
    assert result.exit_code == 2, result
    assert words in result.stderr + result.stdout
    assert "Traceback" not in result.stderr


def test_a_missing_key_ends_with_exit_code_3_and_never_rehearses(line: CommandLine) -> None:
    """The run ends before anything is paid for."""
    result = line.call("run", EXAMPLE)
    assert result.exit_code == 3
    assert "GEMINI_API_KEY" in result.stderr
    assert "--rehearse" in result.stderr
    assert not line.results("execute")
    assert "Traceback" not in result.stderr


def test_the_claude_program_is_not_rehearsed(line: CommandLine, tmp_path: Path) -> None:
    """The Claude program would call the real service."""
    file = study(tmp_path / "study")
    pipeline = tmp_path / "study" / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("type: gemini", "type: claude\n      via: program"))
    result = line.call("run", file, "--rehearse")
    assert result.exit_code == 2
    assert "via: program" in result.stderr
    assert not line.results("execute")


def test_a_server_that_does_not_answer_ends_the_run_with_exit_code_3(line: CommandLine) -> None:
    """Workbench starts no server of its own if the user names an address."""
    result = line.having(PREFECT_API_URL="http://127.0.0.1:9/api").run("run", EXAMPLE, "--rehearse")
    assert result.exit_code == 3
    assert "PREFECT_API_URL" in result.stderr


def test_init_writes_a_study_that_passes_check(line: CommandLine, tmp_path: Path) -> None:
    """A second `init` does not overwrite the file."""
    gold = tmp_path / "gold plan.md"
    gold.write_text("# Gold\n\nTelemetry.")
    output = tmp_path / "mine" / "study.yaml"
    output.parent.mkdir()
    assert line.call("init", "Write the plan: for 'us' # all", gold, "--output", output).exit_code == 0
    assert line.call("check", output).exit_code == 0
    assert "Write the plan: for 'us' # all" in output.read_text()
    assert line.call("init", "other", gold, "--output", output).exit_code == 2


def test_a_study_can_have_several_goals_and_gold_plans_and_a_writer(line: CommandLine, tmp_path: Path) -> None:
    """Two goals, two gold plans for one goal and the `writer` program need nothing but another study file."""
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
    result, report = line.optimize(file, "--rehearse")
    assert result.exit_code == 0, result.stderr
    assert report["status"] == "done"
    assert report["proposals"] > 0
    trials = (line.home / "runs" / report["run_id"] / "trials.jsonl").read_text().splitlines()
    assert {json.loads(trial)["goal"] for trial in trials} == {"phase-two", "release"}


def test_output_that_cannot_be_written_is_no_traceback(line: CommandLine) -> None:
    """The device /dev/full takes nothing, as a full disk does."""
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [WORKBENCH, "check", EXAMPLE], env=line.env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert result.returncode == 3
    assert "No space left" in result.stderr
    assert "Traceback" not in result.stderr
