"""How a run ends when it cannot go on: the exit code, the words, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, EXAMPLE, CommandLine, study

pytestmark = pytest.mark.processes


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


def test_the_claude_program_is_not_rehearsed(line: CommandLine, tmp_path: Path) -> None:
    """It would ask the real service."""
    file = study(tmp_path / "study")
    pipeline = tmp_path / "study" / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("type: gemini", "type: claude\n      via: program"))
    ended = line.run("run", file, "--rehearse")
    assert ended.exit_code == 2
    assert "via: program" in ended.stderr
    assert not line.results("execute")


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
