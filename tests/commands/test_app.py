"""The list of verbs, and the exit code of a command that the user has to change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from workbench.commands import app

VERBS = {"run", "check", "doctor", "show", "generate", "apply", "init", "rehearsal", "server"}


def test_every_verb_is_registered_and_has_a_file_of_its_own() -> None:
    """A verb that is missing in the list would not be reachable."""
    assert {name for name in app.app if not name.startswith("-")} == VERBS
    assert {file.stem for file in Path(app.__file__).parent.glob("*.py")} >= VERBS


@pytest.mark.processes
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
    printed = " ".join((ended.stderr + ended.stdout).replace("│", " ").split())
    assert (ended.exit_code, words in printed, "Traceback" in printed) == (2, True, False), printed
