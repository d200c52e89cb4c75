"""A program of the user's: what it is given, what is taken for a plan, and what a failure of it is."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.command_line import study as written
from workbench.errors import ExecutionFailed, MissingKey, PipelineRejected, StudyError, UserError
from workbench.execution.plan import retrieve
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import Execution, ExecutionRequest, Study
from workbench.providers import REHEARSAL_KEY, Provider, rehearsal
from workbench.study.opening import RunOptions, load
from workbench.study.readiness import examine
from workbench.study.services import services
from workbench.system.environment import PASSED

pytestmark = pytest.mark.processes

#: Says as JSON, which is YAML, how it was started. Beside it stands what it was given.
TELL = """\
import json, os, sys
from pathlib import Path
told = {"arguments": sys.argv[1:], "stdin": sys.stdin.read(), "cwd": os.getcwd(), "environ": dict(os.environ)}
print(json.dumps(told))
"""
REAL = (Provider("gemini", "https://generativelanguage.googleapis.com", "gemini"),)
REHEARSED = tuple(rehearsal("http://127.0.0.1:9", "default", 0).values())


def study(folder: Path, *command: str, **changes: object) -> Study:
    """A study whose program is this command. `tell.py` stands beside it."""
    file = written(folder, **{"runtime": "command", "command": list(command), "pipeline": None, **changes})
    (folder / "tell.py").write_text(TELL)
    return load(RunOptions(file))


def telling(folder: Path, *arguments: str, **changes: object) -> Study:
    """A study whose program tells how it was started."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tell.py").write_text(TELL)
    return study(folder, sys.executable, "tell.py", *arguments, **{"files": ["tell.py"], **changes})


def shell(folder: Path, script: str, **changes: object) -> Study:
    """A study whose program is a script for the shell."""
    return study(folder, "sh", "-c", script, **changes)


def request(study: Study, prompt: str = "Write a plan", providers: tuple[Provider, ...] = REAL) -> ExecutionRequest:
    pipeline = replace(study.pipeline, version=runtime_of(study.pipeline.engine).version())
    return ExecutionRequest(prompt, study.goals[0], 4, pipeline, providers)


def executed(
    study: Study, home: Path, prompt: str = "Write a plan", providers: tuple[Provider, ...] = REAL
) -> Execution:
    return execute(request(study, prompt, providers), home)


def problems(folder: Path, *command: str, **changes: object) -> str:
    with pytest.raises(StudyError) as caught:
        study(folder, *command, **changes)
    return str(caught.value)


def test_placeholders_are_filled_in(tmp_path: Path) -> None:
    """Also within an argument and twice. Other braces stay: JSON needs no escapes."""
    words = [
        "--in={prompt_file}",
        "{output_file}",
        "{goal}",
        "{replicate}/{replicate}",
        '{"a": {"b": []}}',
        "{}",
        "${X}",
    ]
    study = telling(tmp_path / "study", *words)
    script = tmp_path / "study" / "tell.py"
    script.write_text(TELL.replace("print(json.dumps(told))", "Path(sys.argv[2]).write_text(json.dumps(told))"))
    execution = executed(load(RunOptions(study.file)), tmp_path)
    folder = execution.path.parent
    told = json.loads(execution.text)
    goal = study.goals[0].text
    assert told["arguments"] == [
        f"--in={folder / 'prompt.md'}", str(folder / "plan.yaml"), goal, "4/4", '{"a": {"b": []}}', "{}", "${X}",
    ]  # fmt: skip
    assert told["cwd"] == str(folder)
    assert told["stdin"] == ""
    assert execution.path.read_text() == execution.text


def test_without_places_for_them_prompt_and_plan_go_through_the_standard_streams(tmp_path: Path) -> None:
    """A prompt of 400 kB with everything in it that a shell or a template would take. The plan is kept as a file."""
    prompt = "-- $(touch pwned) `id` {goal} {{x}} \"' ü 日本\n" * 10_000
    execution = executed(telling(tmp_path / "study"), tmp_path, prompt)
    told = json.loads(execution.text)
    assert told["stdin"] == prompt
    assert told["arguments"] == []
    assert execution.path.read_text() == execution.text
    assert retrieve(execution).ok
    assert (execution.path.parent / "stdout.log").read_text() == execution.text


def test_a_goal_is_one_argument_whatever_stands_in_it(tmp_path: Path) -> None:
    """No placeholder in a goal is filled in, and no shell reads it."""
    goal = 'plan {prompt_file}; $(touch pwned) "quoted" it\'s'
    goals = [{"name": "g", "goal": goal, "gold": "gold.md"}]
    execution = executed(telling(tmp_path / "study", "{goal}", goals=goals), tmp_path)
    assert json.loads(execution.text)["arguments"] == [goal]
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("{promt_file}", 'command[1]: {promt_file} is not known; expected {prompt_file}, {output_file}, {goal}, {repl'),
        ("{promt_file}", 'did you mean "prompt_file"?'),
        ("--x={output}", 'did you mean "output_file"?'),
    ],
)  # fmt: skip
def test_a_placeholder_that_is_not_known_is_refused_with_the_nearest(tmp_path: Path, argument: str, words: str) -> None:
    """At its line of the study."""
    message = problems(tmp_path, "sh", argument)
    assert words in message
    assert f"{tmp_path / 'study.yaml'}:" in message


def test_names_of_files_become_their_paths(tmp_path: Path) -> None:
    """The program runs in another folder. A file that is not listed would not be found there, and is asked for."""
    told = executed(telling(tmp_path / "study", "gold.md", files=["tell.py", "gold.md"]), tmp_path).text
    assert json.loads(told)["arguments"] == [str(tmp_path / "study" / "gold.md")]
    message = problems(tmp_path / "study", "sh", "gold.md")
    assert 'command[1]: "gold.md" is a file beside the study' in message
    assert "list it under files" in message


@pytest.mark.parametrize(
    ("command", "files", "words"),
    [
        (["no-such-program"], [], 'command[0]: "no-such-program" is not a program; expected a name on the PATH'),
        (["./gold.md"], [], 'command[0]: "./gold.md" is not a program'),
        (["{prompt_file}"], [], "is not a program"),
        (["sh"], ["nothing.py"], 'files[0]: "nothing.py": there is no such file'),
        (["sh"], ["."], 'files[0]: ".": there is no such file'),
    ],
)
def test_what_is_not_there_is_a_problem_of_the_study(
    tmp_path: Path, command: list[str], files: list[str], words: str
) -> None:
    """Told before anything is started."""
    assert words in problems(tmp_path, *command, files=files)


def test_a_command_is_needed_and_a_pipeline_is_not_taken(tmp_path: Path) -> None:
    """The message says which key does it."""
    with pytest.raises(StudyError, match="command: this key is missing; runtime: command needs it"):
        load(RunOptions(written(tmp_path, runtime="command", pipeline=None)))
    message = problems(tmp_path, "sh", pipeline="pipeline.yaml", inputs={"code": "gold.md"})
    assert "the program is the pipeline: see command" in message
    assert "the program reads its files itself: see files" in message


def test_the_program_may_be_a_path_from_the_study_and_a_link(tmp_path: Path) -> None:
    """A link is started as it is named: the Python of a virtual environment finds its packages by that."""
    folder = tmp_path / "study"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (folder / "prefix.py").write_text("import sys; print(f'prefix: {sys.prefix}')")
    made = study(folder, "bin/python", "prefix.py", files=["prefix.py"])
    assert executed(made, tmp_path).text == f"prefix: {folder}\n"


def key(folder: Path, *arguments: str, **changes: object) -> str:
    return request(telling(folder, *arguments, **changes)).key


def test_the_key_changes_with_arguments_version_and_files(tmp_path: Path) -> None:
    """And with the program's content, under the same name. All of it is what plans depend on."""
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
    """A new key for the same service buys nothing again."""
    first = key(tmp_path / "study")
    assert key(tmp_path / "study", environment=["SOME_KEY"]) == first
    assert key(tmp_path / "study", rehearsal="allowed") == first
    assert key(tmp_path / "elsewhere") == first


def test_the_program_gets_the_variables_that_the_study_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what every program gets: nothing else of ours, and no provider's key unasked."""
    for name in ("PLANNER_KEY", "ANOTHER_KEY", "GEMINI_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.setenv(name, f"value-of-{name}")
    environ = json.loads(executed(telling(tmp_path / "study", environment=["PLANNER_KEY"]), tmp_path).text)["environ"]
    assert environ.pop("PLANNER_KEY") == "…"
    assert set(environ) <= {*PASSED, "LANG", "LC_ALL", "PWD", "SHLVL", "_", "LC_CTYPE"}
    assert environ["LANG"] == "C.UTF-8"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one is not set. The program is not started."""
    monkeypatch.setenv("SECOND_KEY", "")
    monkeypatch.setenv("FIRST_KEY", "set")
    made = shell(tmp_path / "study", "touch started; echo 'a: 1'", environment=["FIRST_KEY", "SECOND_KEY"])
    with pytest.raises(MissingKey, match="SECOND_KEY is not set") as caught:
        executed(made, tmp_path)
    assert (caught.value.exit_code, caught.value.lasting) == (3, True)
    assert not list(tmp_path.rglob("started"))
    with (
        pytest.raises(MissingKey, match="SECOND_KEY"),
        services(made, rehearse=False, environ={**os.environ, "GEMINI_API_KEY": "x"}),
    ):
        raise AssertionError("nothing is to be paid for")
    checks = {check.name: check for check in examine(made, tmp_path / "home", os.environ)}
    assert checks["SECOND_KEY"].advice == "set SECOND_KEY"
    assert checks["FIRST_KEY"].passed
    assert checks["program"].passed


def test_values_of_variables_are_in_no_file_and_no_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the plan that the program wrote to its file. A short value hides nothing, and stays."""
    monkeypatch.setenv("PLANNER_KEY", "sk-very-secret")
    monkeypatch.setenv("LEVEL", "1")
    names = ["PLANNER_KEY", "LEVEL"]
    told = 'echo err $PLANNER_KEY >&2; echo out $PLANNER_KEY; echo "a: [$PLANNER_KEY, 1]" > $0'
    made = study(tmp_path / "study", "sh", "-c", told, "{output_file}", environment=names)
    execution = executed(made, tmp_path / "home")
    assert execution.text == "a: […, 1]\n"
    assert execution.path.read_text() == execution.text
    with pytest.raises(ExecutionFailed, match="your key … is wrong") as caught:
        executed(
            shell(tmp_path / "failing", "echo your key $PLANNER_KEY is wrong >&2; exit 1", environment=names),
            tmp_path / "home",
        )
    assert "sk-very-secret" not in str(caught.value)
    files = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert len(files) >= 6
    assert not [file for file in files if b"sk-very-secret" in file.read_bytes()]


@pytest.mark.parametrize(
    ("script", "kind", "lasting", "words"),
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
    tmp_path: Path, script: str, kind: str, lasting: bool, words: str
) -> None:
    """Whatever its exit code, and whatever it left there. The message says where its output is."""
    with pytest.raises(ExecutionFailed) as caught:
        executed(study(tmp_path / "study", "sh", "-c", script, "{output_file}"), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == (kind, lasting)
    assert words in str(caught.value)
    assert str(next(tmp_path.rglob("prompt.md")).parent) in str(caught.value)


@pytest.mark.parametrize("goal", ["g" * 200_000, "a zero \0 byte"])
def test_a_goal_that_the_system_does_not_pass_is_the_users_to_change(tmp_path: Path, goal: str) -> None:
    """No retry can help, so the error is no failure of the outside world."""
    made = telling(tmp_path / "study", "{goal}")
    asked = replace(request(made), goal=replace(made.goals[0], text=goal))
    with pytest.raises(PipelineRejected, match=r"cannot get (one of )?its arguments") as caught:
        execute(asked, tmp_path)
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
def test_a_file_that_the_system_cannot_execute_is_told_once(tmp_path: Path, script: str) -> None:
    """The failure is lasting: another try meets the same file."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "run").write_text(script)
    (folder / "run").chmod(0o755)
    with pytest.raises(ExecutionFailed, match=r"cannot be executed|was not started") as caught:
        executed(study(folder, "./run"), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == ("not started", True)
    assert "there is no program" not in str(caught.value)


def test_a_program_gets_no_proxy_for_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a home, also if the user's environment has none."""
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "corp.example")
    monkeypatch.delenv("HOME")
    environ = json.loads(executed(telling(tmp_path / "study"), tmp_path).text)["environ"]
    assert environ["no_proxy"] == environ["NO_PROXY"] == "corp.example,127.0.0.1,localhost,::1"
    assert Path(environ["HOME"]).is_absolute()


@pytest.mark.parametrize("script", ["true", "echo; echo ' '"])
def test_an_empty_standard_output_is_no_plan(tmp_path: Path, script: str) -> None:
    """The same as a missing file."""
    with pytest.raises(ExecutionFailed, match="wrote no plan") as caught:
        executed(shell(tmp_path / "study", script), tmp_path)
    assert caught.value.kind == "no file"


@pytest.mark.parametrize("where", ["{output_file}", "/dev/stdout"])
def test_a_plan_that_is_too_long_is_not_valid(tmp_path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt is to blame: it scores 0, with a reason. No secret in it makes it shorter."""
    monkeypatch.setenv("PLANNER_KEY", "sk-very-secret")
    script = "import sys; open(sys.argv[1], 'w').write('a: sk-very-secret' + 'x' * 5_000_000)"
    made = study(tmp_path / "study", sys.executable, "-c", script, where, environment=["PLANNER_KEY"])
    execution = executed(made, tmp_path)
    assert execution.problem == "the program wrote more than 5000000 bytes"
    assert execution.text == ""
    assert retrieve(execution).problem == execution.problem


def test_a_plan_that_is_no_utf_8_is_read_all_the_same(tmp_path: Path) -> None:
    """With a sign for what cannot be read, as of every runtime."""
    execution = executed(shell(tmp_path / "study", r"printf 'a: \377\n'"), tmp_path)
    assert execution.text == "a: \N{REPLACEMENT CHARACTER}\n"
    assert execution.path.read_text() == execution.text


def test_a_program_that_is_gone_when_the_run_begins_is_told(tmp_path: Path) -> None:
    """By its name, with what to do; also by `doctor`."""
    folder = tmp_path / "study"
    folder.mkdir()
    script = folder / "run.sh"
    script.write_text("#!/bin/sh\necho 'a: 1'\n")
    script.chmod(0o755)
    made = study(folder, "./run.sh")
    assert executed(made, tmp_path).text == "a: 1\n"
    script.unlink()
    with pytest.raises(ExecutionFailed, match=r"there is no program .*first word of the study's `command`") as caught:
        runtime_of(made.pipeline.engine).prepare()
    assert (caught.value.kind, caught.value.lasting) == ("not started", True)
    (check,) = runtime_of(made.pipeline.engine).checks(made.pipeline, tmp_path, {})
    assert not check.passed
    with pytest.raises(PipelineRejected, match=r"run\.sh cannot be read any more"):
        executed(made, tmp_path)


def test_a_rehearsal_is_refused_unless_the_study_allows_it(tmp_path: Path) -> None:
    """The program may call real models for money, with means of its own."""
    refused = telling(tmp_path / "study")
    with pytest.raises(UserError, match="rehearsal: allowed") as caught, services(refused, rehearse=True, environ={}):
        raise AssertionError("it is not to be rehearsed")
    assert "for money" in str(caught.value)
    with services(telling(tmp_path / "study", rehearsal="allowed"), rehearse=True, environ={}) as providers:
        assert all(provider.rehearsal for provider in providers.values())
    assert "expected allowed" in problems(tmp_path / "study", "sh", rehearsal="yes")


def test_a_rehearsed_program_gets_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the scripted server's address and a key that is none, and none of the variables that the study names."""
    names = ["PLANNER_KEY", "GEMINI_API_KEY", "ANTHROPIC_BASE_URL"]
    for name in (*names, "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, f"value-of-{name}")
    made = telling(tmp_path / "study", environment=names, rehearsal="allowed")
    execution = executed(made, tmp_path, providers=REHEARSED)
    environ = json.loads(execution.text)["environ"]
    addresses = {name: environ[name] for name in ("GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL")}
    assert set(addresses.values()) == {"http://127.0.0.1:9"}
    assert (environ["GEMINI_API_KEY"], environ["ANTHROPIC_API_KEY"]) == (REHEARSAL_KEY, REHEARSAL_KEY)
    assert "PLANNER_KEY" not in environ
    assert "value-of-" not in execution.text
    # Nor is a variable that is missing asked for.
    monkeypatch.delenv("PLANNER_KEY")
    assert executed(made, tmp_path, providers=REHEARSED).problem is None
    assert request(made, providers=REHEARSED).key != request(made, providers=REAL).key
