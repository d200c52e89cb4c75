"""The README's commands, as they stand there."""

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


def test_your_own_study_works_as_it_is_described(line: CommandLine, tmp_path: Path) -> None:
    """In a folder of the user's, where nothing but the gold plan is."""
    commands = block(0)
    assert [words[1] for words in commands] == ["init", "check", "run", "show", "generate"]
    (tmp_path / "gold.md").write_text("# Plan\n\nSupervision first. Telemetry everywhere. Rollback of each stage.\n")
    for program, *arguments in commands:
        ended = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert ended.exit_code == 0, (arguments, ended.stderr)
    assert (tmp_path / "plan.yaml").read_text()
    # One's own, for the winner to be put into.
    assert yaml.safe_load((tmp_path / "study.yaml").read_text())["pipeline"] == "pipeline.yaml"
    assert (tmp_path / "pipeline.yaml").read_bytes() == SHIPPED_PIPELINE.read_bytes()


def test_the_winner_comes_into_the_pipeline_and_out_of_it_again(line: CommandLine, tmp_path: Path) -> None:
    """In a repository of the user's, after a real search."""
    file = study(tmp_path / "mine").with_name("pipeline.yaml")
    before, identity = file.read_bytes(), {"NAME": "t", "EMAIL": "t@example.org"}
    line = line.having(**{f"GIT_{who}_{key}": identity[key] for who in ("AUTHOR", "COMMITTER") for key in identity})
    for words in ("init -q -b main", "add -A", "commit -qm mine"):
        subprocess.run(["git", *words.split()], cwd=file.parent, env=line.env, check=True)
    ended, report = line.optimize(file.with_name("study.yaml"), "--rehearse")
    assert ended.exit_code == 0, ended.stderr
    best = Path(report["best"]["prompt_file"]).read_text()
    seen = []
    for program, *arguments in block(1):
        ended = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert ended.exit_code == 0, (arguments, ended.stderr)
        seen.append(file.read_bytes())
    assert (seen[0], seen[2]) == (before, before)
    (part, _, _) = yaml.safe_load(seen[1])["workflow"]["steps"][0]["prompt"]
    assert best in part["content"]


def block(number: int) -> list[list[str]]:
    """The commands of one of the README's examples."""
    blocks = re.findall(r"```sh\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    return [shlex.split(command) for command in blocks[number].splitlines()]


def test_what_the_readme_names_is_there() -> None:
    """Every file that it links to or names."""
    text = (CHECKOUT / "README.md").read_text()
    named = re.findall(r"\]\(([^)]+)\)", text) + re.findall(
        r"\b((?:script|bench|deployments|flows)/\w+(?:\.py)?)", text
    )
    assert len(named) > 8
    assert [name for name in named if not (CHECKOUT / name).exists()] == []
