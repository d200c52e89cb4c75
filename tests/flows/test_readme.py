"""Tests that run the README's commands as they stand there."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.command_line import CHECKOUT, CommandLine, study
from workbench.execution.own.project import SHIPPED_PIPELINE

pytestmark = pytest.mark.processes


def test_a_users_own_study_works_as_described(line: CommandLine, tmp_path: Path) -> None:
    """The commands work in a user's folder that holds nothing but the gold plan."""
    commands = block(0)
    assert [words[1] for words in commands] == ["init", "check", "run", "show", "generate"]
    (tmp_path / "gold.md").write_text("# Plan\n\nSupervision first. Telemetry everywhere. Rollback of each stage.\n")
    for program, *arguments in commands:
        result = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert result.exit_code == 0, (arguments, result.stderr)
    assert (tmp_path / "plan.yaml").read_text()
    # The user gets a pipeline file of their own, into which the winner can be written.
    assert yaml.safe_load((tmp_path / "study.yaml").read_text())["pipeline"] == "pipeline.yaml"
    assert (tmp_path / "pipeline.yaml").read_bytes() == SHIPPED_PIPELINE.read_bytes()


def test_the_winner_is_written_into_the_pipeline_and_removed_again(line: CommandLine, tmp_path: Path) -> None:
    """The commands work in a user's repository after a real search."""
    file = study(tmp_path / "mine").with_name("pipeline.yaml")
    before, identity = file.read_bytes(), {"NAME": "t", "EMAIL": "t@example.org"}
    line = line.having(**{f"GIT_{who}_{key}": identity[key] for who in ("AUTHOR", "COMMITTER") for key in identity})
    for words in ("init -q -b main", "add -A", "commit -qm mine"):
        subprocess.run(["git", *words.split()], cwd=file.parent, env=line.env, check=True)
    result, report = line.optimize(file.with_name("study.yaml"), "--rehearse")
    assert result.exit_code == 0, result.stderr
    best = Path(report["best"]["prompt_file"]).read_text()
    contents = []
    for program, *arguments in block(1):
        result = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert result.exit_code == 0, (arguments, result.stderr)
        contents.append(file.read_bytes())
    assert (contents[0], contents[2]) == (before, before)
    (part, _, _) = yaml.safe_load(contents[1])["workflow"]["steps"][0]["prompt"]
    assert best in part["content"]


def block(number: int) -> list[list[str]]:
    """Return the commands of one of the README's examples, counted from 0."""
    blocks = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    return [shlex.split(command) for command in blocks[number].splitlines()]


def test_every_file_that_the_readme_names_exists() -> None:
    """The check covers links, and names of scripts, benchmarks, deployments and flows."""
    text = (CHECKOUT / "README.md").read_text()
    names = re.findall(r"\]\(([^)]+)\)", text) + re.findall(
        r"\b((?:script|bench|deployments|flows)/\w+(?:\.py)?)", text
    )
    assert len(names) > 8
    assert [name for name in names if not (CHECKOUT / name).exists()] == []
