"""Tests that every fenced block of the README works as it stands there."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path

import pytest
import yaml

from tests.support import patient
from tests.support.checkout import checkout
from tests.support.command_line import CHECKOUT, CommandLine, study
from tests.support.readme import README, blocks, commands_of
from tests.support.run_folder import ended
from workbench.commands.app import app
from workbench.execution.runtimes import SHIPPED_PIPELINE
from workbench.nouns import Target
from workbench.study.opening import RunOptions, load

pytestmark = pytest.mark.processes


def test_a_users_own_study_works_as_described(line: CommandLine, tmp_path: Path) -> None:
    """The commands work in a user's folder that holds nothing but the gold plan.

    Only the run is smaller, and in one VM. tests/flows/test_main_job.py has a run with a VM for each execution.
    """
    commands = commands_of("sh", 1)
    assert [words[1] for words in commands] == ["init", "check", "run", "show", "generate"]
    (tmp_path / "gold.md").write_text("# Plan\n\nSupervision first. Telemetry everywhere. Rollback of each stage.\n")
    for program, *arguments in commands:
        result = line.run(*arguments, program=CHECKOUT / program, cwd=tmp_path)
        assert result.exit_code == 0, (arguments, result.stderr)
        if arguments[0] == "init":
            study_text = (tmp_path / "study.yaml").read_text()
            assert ("\nbudget: 24\n" in study_text, "\nconfirm: 8\n" in study_text) == (True, True)
            smaller = study_text.replace("\nbudget: 24\n", "\nbudget: 8\n").replace(
                "\nconfirm: 8\n", "\nconfirm: 4\nruntime: serve\n"
            )
            (tmp_path / "study.yaml").write_text(smaller)
    assert (tmp_path / "plan.yaml").read_text()
    # The user gets a pipeline file of their own, into which the winner can be written.
    assert yaml.safe_load((tmp_path / "study.yaml").read_text())["pipeline"] == "pipeline.yaml"
    assert (tmp_path / "pipeline.yaml").read_bytes() == SHIPPED_PIPELINE.read_bytes()


def test_a_champion_is_promoted_shown_and_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands work in the folder of a study, after a run that found a better prompt."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    study(tmp_path, study="study_one", prompt="Write the plan.")
    ended(tmp_path / "home")
    for _, *arguments in commands_of("sh", 3):
        assert app(arguments, exit_on_error=False, result_action="return_value") == 0
    assert "rollback from 2 to 1" in capsys.readouterr().out
    assert len(list((tmp_path / "prompts" / "study_one").iterdir())) == 3


def test_every_block_has_a_test() -> None:
    """A new block needs a test in this file. tests/flows/test_champion.py runs the block that applies a winner."""
    tested = {"sh": 6, "python": 1, "yaml": 3}
    languages = re.findall(r"^```(\w*)\n.*?^```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert {language: languages.count(language) for language in languages} == tested


def test_the_first_two_commands_are_scripts() -> None:
    """tests/flows/test_main_job.py runs the first script. The second script runs these tests."""
    for (program,) in commands_of("sh", 0):
        assert os.access(CHECKOUT / program, os.X_OK)


def test_optimize_can_be_called_from_python(line: CommandLine, tmp_path: Path) -> None:
    """The README's Python block runs as a script of the user's."""
    study(tmp_path, optimizer="static", budget=1)
    result = line.run("-c", blocks("python")[0], program=Path(sys.executable), cwd=tmp_path)
    assert result.exit_code == 0, result.stderr
    assert re.search(r"^\d+\.\d+ False$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("number", range(3))
def test_the_keys_of_each_runtime_make_a_study(number: int, tmp_path: Path) -> None:
    """The README's keys of a runtime, together with the keys that every study has, make a valid study."""
    fake = checkout(tmp_path)
    fake.folder.rename(tmp_path / "pipeline_ex")
    (tmp_path / "pipeline_ex" / "pipelines").mkdir()
    (tmp_path / "pipeline_ex" / "planner.yaml").rename(tmp_path / "pipeline_ex" / "pipelines" / "planner.yaml")
    folder = tmp_path / "study"
    file = study(folder)
    (folder / "plan.py").write_text("#!/bin/sh\n")
    (folder / "plan.py").chmod(0o755)
    (folder / "rules.md").write_text("Be brief.")
    shared = json.loads(file.read_text())
    del shared["pipeline"]
    keys = yaml.safe_load(blocks("yaml")[number])
    file.write_text(json.dumps({**shared, **keys}))
    loaded = load(RunOptions(file))
    assert loaded.pipeline.engine.name == keys["runtime"]
    if keys["runtime"] == "pipeline_ex":
        assert loaded.pipeline.target == Target("write", "polish")


def test_the_guide_to_runtimes_has_the_keys_of_the_readme() -> None:
    """So the keys in the guide make a study, too."""
    assert blocks("yaml", CHECKOUT / "docs" / "guide" / "runtimes.md") == blocks("yaml")


@pytest.mark.services
def test_the_nightly_run_is_deployed_and_a_worker_starts(server_owner: CommandLine) -> None:
    """The block runs in a shell as it stands. tests/flows/test_deployments.py also runs the deployment."""
    with server_owner.start("-ec", blocks("sh")[4], program=Path("/bin/sh")) as process:
        assert process.stdout is not None
        printed: list[str] = []
        while line := process.stdout.readline():
            printed.append(line)
            if "Worker" in line and "started" in line:
                break
        else:
            pytest.fail("".join(printed))
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=300)
    assert any("optimize/nightly" in line for line in printed)


@pytest.mark.parametrize("number", range(2))
def test_a_rehearsal_prints_its_address(line: CommandLine, number: int) -> None:
    """The server at this address says that it is a rehearsal."""
    program, *arguments = commands_of("sh", 5)[number]
    with line.start(*arguments, program=CHECKOUT / program) as process:
        assert process.stdout is not None
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address is not None
        assert patient.get(f"{address[0].rstrip('/')}/rehearsal").json()["rehearsal"] is True
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=300)


def test_every_file_that_the_readme_names_exists() -> None:
    """The check covers links, and names of scripts, deployments and flows. A link may name a heading of the file."""
    text = README.read_text()
    names = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + re.findall(
        r"\b((?:script|bench|deployments|flows)/\w+(?:\.py)?)", text
    )
    assert len(names) > 8
    assert [name for name in names if not (CHECKOUT / name).exists()] == []
