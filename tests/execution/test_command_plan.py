"""Plans and failures of a program of `runtime: command`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_study import executed, request, shell, study, telling
from workbench.errors import ExecutionFailed, PipelineRejected
from workbench.execution.plan import retrieve
from workbench.execution.runtimes import execute, runtime_of

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("script", "kind", "lasting", "fragment"),
    [
        ("true", "no file", False, "exit code 0 and wrote no file plan.yaml"),
        ("echo 'a: 1'", "no file", False, "wrote no file"),
        (': > "$0"', "no file", False, "wrote no plan"),
        ('ln -s /etc/hostname "$0"', "no file", False, "wrote no file"),
        ('mkdir "$0"', "no file", False, "wrote no file"),
        ('mkfifo "$0"', "no file", False, "wrote no file"),
        ('echo "a: 1" > "$0"; echo first >&2; echo boom >&2; exit 7', "crashed", False, "exit code 7: boom;"),
        ('echo "a: 1" > "$0"; exit 1', "crashed", False, "it printed nothing"),
        ("kill -9 $$", "crashed", False, "exit code -9"),
        ("no-such-tool", "not started", True, "exit code 127"),
        ("/etc", "not started", True, "exit code 126"),
    ],
)
def test_a_program_that_wrote_no_plan_has_failed(
    tmp_path: Path, script: str, kind: str, lasting: bool, fragment: str
) -> None:
    """This holds for any exit code and any other output. The message names the folder with the output."""
    with pytest.raises(ExecutionFailed) as caught:
        executed(study(tmp_path / "study", "sh", "-c", script, "{output_file}"), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert fragment in str(caught.value)
    assert str(next(tmp_path.rglob("prompt.md")).parent) in str(caught.value)


@pytest.mark.parametrize("goal", ["g" * 200_000, "a zero \0 byte"])
def test_a_goal_that_the_system_does_not_pass_is_the_users_mistake(tmp_path: Path, goal: str) -> None:
    """No retry can help, so the error is no failure of the outside world."""
    loaded = telling(tmp_path / "study", "{goal}")
    execution_request = replace(request(loaded), goal=replace(loaded.goals[0], text=goal))
    with pytest.raises(PipelineRejected, match=r"cannot get (one of )?its arguments") as caught:
        execute(execution_request, tmp_path)
    assert caught.value.exit_code == 2
    assert "goal" in str(caught.value)


def test_the_most_useful_line_of_the_output_is_shown(tmp_path: Path) -> None:
    """A stack trace ends with frames, and some programs print their errors to standard output."""
    python = "import sys; print('bye'); raise RuntimeError('out of credit')"
    with pytest.raises(ExecutionFailed, match="exit code 1: RuntimeError: out of credit;"):
        executed(study(tmp_path / "first", sys.executable, "-c", python), tmp_path)
    with pytest.raises(ExecutionFailed, match="exit code 3: Error: no key;"):
        executed(shell(tmp_path / "second", "echo 'Error: no key'; echo bye; exit 3"), tmp_path)


@pytest.mark.parametrize("script", ["#!/no/such/interpreter\n", "\x7fELF nonsense"])
def test_a_file_that_the_system_cannot_execute_is_a_lasting_failure(tmp_path: Path, script: str) -> None:
    """Another try would meet the same file."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "run").write_text(script)
    (folder / "run").chmod(0o755)
    with pytest.raises(ExecutionFailed, match=r"cannot be executed|was not started") as caught:
        executed(study(folder, "./run"), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == ("not started", True)
    assert "there is no program" not in str(caught.value)


@pytest.mark.parametrize("script", ["true", "echo; echo ' '"])
def test_an_empty_standard_output_is_no_plan(tmp_path: Path, script: str) -> None:
    """It counts as a missing file."""
    with pytest.raises(ExecutionFailed, match="wrote no plan") as caught:
        executed(shell(tmp_path / "study", script), tmp_path)
    assert caught.value.kind == "no file"


@pytest.mark.parametrize("output_path", ["{output_file}", "/dev/stdout"])
def test_a_plan_that_is_too_long_is_not_valid(
    tmp_path: Path, output_path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is to blame: it scores 0, with a reason. The length counts before secrets are removed."""
    monkeypatch.setenv("PLANNER_KEY", "sk-very-secret")
    script = "import sys; open(sys.argv[1], 'w').write('a: sk-very-secret' + 'x' * 5_000_000)"
    loaded = study(tmp_path / "study", sys.executable, "-c", script, output_path, environment=["PLANNER_KEY"])
    execution = executed(loaded, tmp_path)
    assert execution.problem == "the program wrote more than 5000000 bytes"
    assert execution.text == ""
    assert retrieve(execution).problem == execution.problem


def test_a_plan_that_is_not_utf_8_is_read(tmp_path: Path) -> None:
    """A replacement character stands for each unreadable byte, as with every runtime."""
    execution = executed(shell(tmp_path / "study", r"printf 'a: \377\n'"), tmp_path)
    assert execution.text == "a: \N{REPLACEMENT CHARACTER}\n"
    assert execution.path.read_text() == execution.text


def test_a_program_that_was_removed_since_the_study_was_read_is_named(tmp_path: Path) -> None:
    """The message says what to do. `doctor` reports it, too."""
    folder = tmp_path / "study"
    folder.mkdir()
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\necho 'a: 1'\n")
    script.chmod(0o755)
    loaded = study(folder, "./run.sh")
    assert executed(loaded, tmp_path).text == "a: 1\n"
    script.unlink()
    with pytest.raises(ExecutionFailed, match=r"there is no program .*first word of the study's `command`") as caught:
        runtime_of(loaded.pipeline.engine).prepare()
    assert (caught.value.kind, caught.value.lasting) == ("not started", True)
    (check,) = runtime_of(loaded.pipeline.engine).checks(loaded.pipeline, tmp_path, {})
    assert not check.passed
    with pytest.raises(PipelineRejected, match=r"run\.sh cannot be read any more"):
        executed(loaded, tmp_path)
