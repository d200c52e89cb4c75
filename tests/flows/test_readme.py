"""The README's commands, as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.fakes.command_line import CHECKOUT, CommandLine


def test_your_own_study_works_as_it_is_described(line: CommandLine, tmp_path: Path) -> None:
    """In a folder of the user's, where nothing but the gold plan is."""
    (block,) = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    commands = [shlex.split(command) for command in block.splitlines()]
    assert [words[1] for words in commands] == ["init", "check", "run", "show", "generate"]
    (tmp_path / "gold.md").write_text("# Plan\n\nSupervision first. Telemetry everywhere. Rollback of each stage.\n")
    for program, *arguments in commands:
        ended = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert ended.exit_code == 0, (arguments, ended.stderr)
    assert (tmp_path / "plan.yaml").read_text()


def test_what_the_readme_names_is_there() -> None:
    """Every file that it links to or names."""
    text = (CHECKOUT / "README.md").read_text()
    named = re.findall(r"\]\(([^)]+)\)", text) + re.findall(
        r"\b((?:script|bench|deployments|flows)/\w+(?:\.py)?)", text
    )
    assert len(named) > 8
    assert [name for name in named if not (CHECKOUT / name).exists()] == []
