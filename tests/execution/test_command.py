"""Study keys and arguments of `runtime: command`, and the key of its executions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.support.command_line import study as write_study
from tests.support.command_study import TELL, executed, problems, request, study, telling
from workbench.errors import StudyError
from workbench.execution.plan import retrieve
from workbench.study.opening import RunOptions, load

pytestmark = pytest.mark.processes


def test_placeholders_are_filled_in(tmp_path: Path) -> None:
    """A placeholder may stand within an argument, and twice. Other braces stay: JSON needs no escapes."""
    arguments = [
        "--in={prompt_file}",
        "{output_file}",
        "{goal}",
        "{replicate}/{replicate}",
        '{"a": {"b": []}}',
        "{}",
        "${X}",
    ]
    study = telling(tmp_path / "study", *arguments)
    script = tmp_path / "study" / "tell.py"
    script.write_text(TELL.replace("print(json.dumps(start))", "Path(sys.argv[2]).write_text(json.dumps(start))"))
    execution = executed(load(RunOptions(study.file)), tmp_path)
    folder = execution.path.parent
    start = json.loads(execution.text)
    goal = study.goals[0].text
    assert start["arguments"] == [
        f"--in={folder / 'prompt.md'}", str(folder / "plan.yaml"), goal, "4/4", '{"a": {"b": []}}', "{}", "${X}",
    ]  # fmt: skip
    assert start["cwd"] == str(folder)
    assert start["stdin"] == ""
    assert execution.path.read_text() == execution.text


def test_without_placeholders_prompt_and_plan_go_through_the_standard_streams(tmp_path: Path) -> None:
    """The prompt has 400 kB, with characters that a shell or a template would interpret. The plan is kept as a file."""
    prompt = "-- $(touch pwned) `id` {goal} {{x}} \"' ü 日本\n" * 10_000
    execution = executed(telling(tmp_path / "study"), tmp_path, prompt)
    start = json.loads(execution.text)
    assert start["stdin"] == prompt
    assert start["arguments"] == []
    assert execution.path.read_text() == execution.text
    assert retrieve(execution).ok
    assert (execution.path.parent / "stdout.log").read_text() == execution.text


def test_a_goal_is_always_one_argument(tmp_path: Path) -> None:
    """No placeholder in a goal is filled in, and no shell reads it."""
    goal = 'plan {prompt_file}; $(touch pwned) "quoted" it\'s'
    goals = [{"name": "g", "goal": goal, "gold": "gold.md"}]
    execution = executed(telling(tmp_path / "study", "{goal}", goals=goals), tmp_path)
    assert json.loads(execution.text)["arguments"] == [goal]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("argument", "fragment"),
    [
        ("{promt_file}", 'command[1]: {promt_file} is not known; expected {prompt_file}, {output_file}, {goal}, {repl'),
        ("{promt_file}", 'did you mean "prompt_file"?'),
        ("--x={output}", 'did you mean "output_file"?'),
    ],
)  # fmt: skip
def test_an_unknown_placeholder_is_refused_with_the_nearest(tmp_path: Path, argument: str, fragment: str) -> None:
    """The message names the line of the study."""
    message = problems(tmp_path, "sh", argument)
    assert fragment in message
    assert f"{tmp_path / 'study.yaml'}:" in message


def test_names_of_files_become_their_paths(tmp_path: Path) -> None:
    """The program runs in another folder, where it would not find an unlisted file. Such a file is a problem."""
    output = executed(telling(tmp_path / "study", "gold.md", files=["tell.py", "gold.md"]), tmp_path).text
    assert json.loads(output)["arguments"] == [str(tmp_path / "study" / "gold.md")]
    message = problems(tmp_path / "study", "sh", "gold.md")
    assert 'command[1]: "gold.md" is a file beside the study' in message
    assert "list it under files" in message


@pytest.mark.parametrize(
    ("command", "files", "fragment"),
    [
        (["no-such-program"], [], 'command[0]: "no-such-program" is not a program; expected a name on the PATH'),
        (["./gold.md"], [], 'command[0]: "./gold.md" is not a program'),
        (["{prompt_file}"], [], "is not a program"),
        (["sh"], ["nothing.py"], 'files[0]: "nothing.py": there is no such file'),
        (["sh"], ["."], 'files[0]: ".": there is no such file'),
    ],
)
def test_a_missing_program_or_file_is_a_problem_of_the_study(
    tmp_path: Path, command: list[str], files: list[str], fragment: str
) -> None:
    """The problem is reported before anything is started."""
    assert fragment in problems(tmp_path, *command, files=files)


def test_a_command_is_needed_and_a_pipeline_is_refused(tmp_path: Path) -> None:
    """The message names the key to use."""
    with pytest.raises(StudyError, match="command: this key is missing; runtime: command needs it"):
        load(RunOptions(write_study(tmp_path, runtime="command", pipeline=None)))
    message = problems(tmp_path, "sh", pipeline="pipeline.yaml", inputs={"code": "gold.md"})
    assert "the program is the pipeline: see command" in message
    assert "the program reads its files itself: see files" in message


def test_the_program_may_be_a_path_from_the_study_and_a_link(tmp_path: Path) -> None:
    """A link is not resolved: the Python of a virtual environment finds its packages by the link's path."""
    folder = tmp_path / "study"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (folder / "prefix.py").write_text("import sys; print(f'prefix: {sys.prefix}')")
    loaded = study(folder, "bin/python", "prefix.py", files=["prefix.py"])
    assert executed(loaded, tmp_path).text == f"prefix: {folder}\n"


def key(folder: Path, *arguments: str, **changes: object) -> str:
    return request(telling(folder, *arguments, **changes)).key


def test_the_key_changes_with_arguments_version_and_files(tmp_path: Path) -> None:
    """It also changes with the content of a program of the same name. Plans depend on all of these."""
    folder = tmp_path / "study"
    first = key(folder, "a", "b")
    assert key(folder, "a", "b") == first
    keys = [first, key(folder, "b", "a"), key(folder, "a b"), key(folder, "a", "b", version="2")]
    keys.append(key(folder, "a", "b", files=["tell.py", "gold.md"]))
    keys.append(key(folder, "a", "b", "{prompt_file}"))
    script = folder / "run.sh"
    for text in ("echo 'a: 1'", "echo 'a: 2'"):
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        keys.append(request(study(folder, "./run.sh")).key)
    assert len(set(keys)) == len(keys)


def test_the_key_does_not_change_with_the_environment_or_the_rehearsals_permission(tmp_path: Path) -> None:
    """Another API key for the same service buys nothing again."""
    first = key(tmp_path / "study")
    assert key(tmp_path / "study", environment=["SOME_KEY"]) == first
    assert key(tmp_path / "study", rehearsal="allowed") == first
    assert key(tmp_path / "elsewhere") == first
