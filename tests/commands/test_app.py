"""All verbs are registered, and a wrong option ends a command with exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from workbench.commands import app

VERBS = {
    *"run check doctor show report runs generate apply cache compare champion init ledger".split(),
    *"rehearsal server webhook rubric calibrate".split(),
}


def test_every_verb_is_registered_and_has_a_file_of_its_own() -> None:
    """A verb that is not registered cannot be called."""
    assert {name for name in app.app if not name.startswith("-")} == VERBS
    assert {file.stem for file in Path(app.__file__).parent.glob("*.py")} >= VERBS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "latest", "--json", "/tmp"], "is a folder; expected a file"),  # noqa: S108  # it exists
        (["show", "latest", "--json", "/proc/nope/x.json"], "/proc/nope is not a folder; expected an existing folder"),
        (["run", "study.yaml", "--rehearse", "--json", "/proc/nope/x.json"], "/proc/nope is not a folder"),
        (["generate", "--output", "/proc/nope/plan.yaml"], "/proc/nope is not a folder"),
        (["generate", "--goal", " "], "--goal is empty"),
        (["rehearsal", "--port", "99999"], "65535"),
        (["rehearsal", "--fail-rate", "2"], "--fail-rate"),
    ],
)
def test_a_wrong_option_ends_with_exit_code_2(line: CommandLine, arguments: list[str], words: str) -> None:
    """The command prints a message and no traceback."""
    result = line.call(*arguments)
    # The console wraps long lines and draws a frame.
    output = " ".join((result.stderr + result.stdout).replace("│", " ").split())
    assert (result.exit_code, words in output, "Traceback" in output) == (2, True, False), output


@pytest.mark.processes
def test_every_command_removes_what_killed_executions_left_behind(line: CommandLine, tmp_path: Path) -> None:
    """A worker's copy of a checkout has 15 MB, and its owner cannot remove it after kill -9."""
    left_behind = tmp_path / "workbench-checkout-999999999-x"
    left_behind.mkdir()
    line.having(TMPDIR=str(tmp_path)).run("show", "latest")
    assert not left_behind.exists()
