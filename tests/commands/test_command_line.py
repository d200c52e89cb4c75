"""What is wrong with a command is told in a line, before anything is paid for; and so is its end by Ctrl-C."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study

pytestmark = pytest.mark.processes


@pytest.fixture
def line(tmp_path: Path) -> Iterator[CommandLine]:
    """A server that an interrupted run has begun to start stays for the next one: here there is none."""
    made = CommandLine(tmp_path / "home")
    yield made
    if (made.home / "server.json").exists():
        made.run("server", "--stop")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "latest", "--json", "/tmp"], "is a folder; expected a file"),  # noqa: S108
        (["show", "latest", "--json", "/proc/nope/x.json"], "/proc/nope cannot be used"),
        (["run", "study.yaml", "--rehearse", "--json", "/proc/nope/x.json"], "/proc/nope cannot be used"),
        (["generate", "--output", "/proc/nope/plan.yaml"], "/proc/nope cannot be used"),
        (["generate", "--goal", " "], "--goal is empty"),
        (["rehearsal", "--port", "99999"], "65535"),
        (["rehearsal", "--fail-rate", "2"], "--fail-rate"),
    ],
)
def test_a_wrong_option_is_the_users_to_change(line: CommandLine, arguments: list[str], words: str) -> None:
    """Exit code 2, no traceback."""
    ended = line.run(*arguments)
    # A console folds its lines.
    said = " ".join((ended.stderr + ended.stdout).replace("│", " ").split())
    assert (ended.exit_code, words in said, "Traceback" in said) == (2, True, False), said


@pytest.mark.parametrize("home", ["/proc/nope", "file"])
@pytest.mark.parametrize("command", [["server"], ["run", "STUDY", "--rehearse"]])
def test_a_home_that_cannot_be_used_is_told(line: CommandLine, tmp_path: Path, home: str, command: list[str]) -> None:
    """Before a server is started, or a run begun."""
    (tmp_path / "file").write_text("")
    arguments = [str(study(tmp_path / "study")) if word == "STUDY" else word for word in command]
    ended = line.having(WORKBENCH_HOME=str(tmp_path / home)).run(*arguments)
    assert (ended.exit_code, "set WORKBENCH_HOME to a folder" in ended.stderr) == (2, True), ended.stderr


def test_a_study_that_cannot_be_begun_leaves_nothing(line: CommandLine, tmp_path: Path) -> None:
    """The corrected command is not refused because of the wrong one."""
    (tmp_path / "gold.md").write_text("# Plan\n")
    assert line.run("init", "", "gold.md", cwd=tmp_path).exit_code == 2
    assert [file.name for file in tmp_path.glob("*.*")] == ["gold.md"]
    assert line.run("init", "Better", "gold.md", cwd=tmp_path).exit_code == 0


def test_without_a_key_nothing_was_paid_for(line: CommandLine, tmp_path: Path) -> None:
    """So nothing is said of what was."""
    ended = line.run("run", study(tmp_path / "study"))
    assert (ended.exit_code, "GEMINI_API_KEY" in ended.stderr, "paid" in ended.stderr) == (3, True, False)


@pytest.mark.parametrize("seconds", [0.6, 0.9])
def test_an_interrupt_while_it_starts_is_told_by_the_exit_code(
    line: CommandLine, tmp_path: Path, seconds: float
) -> None:
    """It imports for a second, and shows none of that."""
    with line.start("run", study(tmp_path / "study"), "--rehearse") as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False), err
