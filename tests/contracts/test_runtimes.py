"""The contract of every runtime. tests/support/runtimes.py has the table of runtimes."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import wait_for
from tests.support.processes import working_in
from tests.support.runtimes import SECRET, SUBJECTS, Subject, World
from workbench.errors import ExecutionFailed, Interrupted, MissingKey, OutsideError, PipelineRejected
from workbench.execution.runtime import BeforeVariable, Check, IntoStep, Needs, NotWritten, Runtime
from workbench.execution.runtimes import RUNTIMES, execute, runtime_of
from workbench.fields import Form, key_names
from workbench.nouns import Execution, ExecutionRequest, Pipeline, Study
from workbench.provider_table import KNOWN
from workbench.run import journal
from workbench.study.opening import RunOptions, load
from workbench.study.services import require_keys
from workbench.system.process import ended_on_interrupt

pytestmark = pytest.mark.processes


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    return SUBJECTS[request.param]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "study"


@contextmanager
def prepared(study: Study) -> Iterator[Runtime]:
    """Yield the study's runtime, prepared as in a run."""
    runtime = runtime_of(study.pipeline.engine)
    runtime.prepare()
    try:
        yield runtime
    finally:
        runtime.close()


def request_of(
    study: Study, world: World | None = None, prompt: str = "Write a plan", **changes: Any
) -> ExecutionRequest:
    """Return a request like those of a search: the key has the runtime's version."""
    pipeline = replace(study.pipeline, version=runtime_of(study.pipeline.engine).version())
    providers = world.providers if world else ()
    return replace(ExecutionRequest(prompt, study.goals[0], 4, pipeline, providers), **changes)


def within(seconds: float, request: ExecutionRequest) -> ExecutionRequest:
    return replace(request, pipeline=replace(request.pipeline, timeout_seconds=seconds))


def holds(folder: Path, text: str) -> list[Path]:
    """Return the files that contain this text."""
    return [file for file in folder.rglob("*") if file.is_file() and text.encode() in file.read_bytes()]


def test_every_runtime_stands_in_this_suite() -> None:
    """A runtime in the table of runtimes is also in the table of the tests."""
    assert list(SUBJECTS) == list(RUNTIMES)


def test_a_plan_is_what_was_written_in_a_folder_of_its_own(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is beside the plan. The same request, executed again, writes into another folder."""
    study = subject.study(folder)
    home = tmp_path / "home"
    with subject.world(folder, monkeypatch, "answer") as world, prepared(study):
        request = request_of(study, world)
        executions = [execute(request, home) for _ in range(2)]
        # A runtime that is kept warm may know the first one's answer.
        assert 1 <= world.calls() <= 2
    for number, execution in enumerate(executions, start=1):
        assert execution.problem is None
        assert execution.key == request.key
        assert execution.text.strip()
        assert execution.path.read_text() == execution.text
        assert execution.path.parent == home / "executions" / request.key / str(number)
        assert (execution.path.parent / "prompt.md").read_text() == "Write a plan"
        assert execution.seconds > 0
        logs = [file for file in execution.path.parent.iterdir() if file.suffix in (".log", ".json")]
        assert logs
        # An execution is never taken for one that cost nothing only because it told nothing.
        assert execution.cost is not None
    assert executions[0].text == executions[1].text
    assert not holds(home, SECRET)


def test_the_key_has_all_that_a_plan_depends_on(subject: Subject, folder: Path, tmp_path: Path) -> None:
    """It has prompt, goal, replicate, version, the content of the files, and the study keys of this runtime."""
    study = subject.study(folder)
    request = request_of(study)
    keys = {"as it is": request.key}
    keys["prompt"] = replace(request, prompt="Write another").key
    keys["goal"] = replace(request, goal=replace(request.goal, text="another goal")).key
    keys["replicate"] = replace(request, replicate=5).key
    keys["version"] = replace(request, pipeline=replace(request.pipeline, version="another")).key
    for name, value in subject.other_keys.items():
        keys[f"study key {name}"] = request_of(subject.study(tmp_path / "others", **{name: value})).key
    file = subject.write(folder)
    dependency = folder / subject.dependency
    dependency.write_text(f"{dependency.read_text()}\n# changed\n")
    keys["content"] = request_of(load(RunOptions(file))).key
    assert len(set(keys.values())) == len(keys), keys


def test_the_key_has_nothing_else(subject: Subject, folder: Path, tmp_path: Path) -> None:
    """The run's folder, the candidate's name and the study's place do not change the key: nothing is paid for twice."""
    request = request_of(subject.study(folder))
    assert replace(request, run=tmp_path / "run", candidate="another").key == request.key
    assert within(1.0, request).key == request.key
    moved = tmp_path / "elsewhere" / "study"
    shutil.copytree(folder, moved)
    assert request_of(load(RunOptions(moved / "study.yaml"))).key == request.key


def test_a_failure_is_an_error_with_a_kind_and_no_plan(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal has its kind. No file and no message contains a key that the outside world echoes."""
    study = subject.study(folder)
    run = tmp_path / "run"
    run.mkdir()
    with (
        subject.world(folder, monkeypatch, "fail") as world,
        prepared(study),
        pytest.raises(OutsideError) as caught,
    ):
        execute(request_of(study, world, run=run), tmp_path / "home")
    assert caught.value.kind
    assert [(call.action, call.kind) for call in journal.read(run)] == [("execute", caught.value.kind)]
    assert (next((tmp_path / "home").rglob("prompt.md"))).read_text() == "Write a plan"
    assert SECRET not in str(caught.value)
    assert not holds(tmp_path / "home", SECRET)
    assert not holds(run, SECRET)


def test_an_execution_ends_at_its_time_limit(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its processes end, too. Another try may be faster, so the failure is not lasting."""
    study = subject.study(folder)
    with subject.world(folder, monkeypatch, "hang") as world, prepared(study):
        with pytest.raises(ExecutionFailed) as caught:
            execute(within(1.0, request_of(study, world)), tmp_path / "home")
        assert (caught.value.kind, caught.value.lasting) == ("timeout", False)
        wait_for(lambda: not working_in(tmp_path), seconds=60)
    assert not list(tmp_path.rglob("plan.yaml"))


def test_an_interrupt_ends_running_executions(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All processes end soon, and the interrupt is no failure."""
    study = subject.study(folder)

    def execute_once(number: int) -> Execution:
        return execute(request_of(study, world, f"Plan {number}"), tmp_path / "home")

    with subject.world(folder, monkeypatch, "hang") as world, prepared(study), ThreadPoolExecutor(2) as pool:
        with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
            running = [pool.submit(execute_once, number) for number in range(2)]
            wait_for(lambda: world.calls() >= 2)
            raise KeyboardInterrupt
        for execution in running:
            with pytest.raises(Interrupted):
                execution.result(60)
        wait_for(lambda: not working_in(tmp_path), seconds=60)
    with ended_on_interrupt():
        """Commands may start again."""


@pytest.mark.parametrize("change", ["changed", "removed"])
def test_a_file_that_changed_meanwhile_is_not_executed(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Its plan would be stored under the key of another file."""
    study = subject.study(folder)
    file = folder / subject.dependency
    with subject.world(folder, monkeypatch, "answer") as world, prepared(study):
        request = request_of(study, world)
        if change == "changed":
            file.write_text(f"{file.read_text()}\n# changed\n")
        else:
            file.unlink()
        with pytest.raises(PipelineRejected, match=re.escape(str(file))):
            execute(request, tmp_path / "home")
        assert world.calls() == 0


def test_the_variables_that_executions_need_are_declared(
    subject: Subject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing variable is named before anything is executed."""
    study = subject.study(folder, **subject.needing)
    needs = runtime_of(study.pipeline.engine).needs(study.pipeline)
    assert isinstance(needs, Needs)
    variables = [variable for name in needs.providers for variable in KNOWN[name].keys]
    assert subject.variable in {*variables, *needs.variables}
    environ = dict.fromkeys({*variables, *needs.variables} - {subject.variable, "GOOGLE_API_KEY"}, "set")
    with pytest.raises(MissingKey, match=subject.variable) as caught:
        require_keys(study, environ)
    assert caught.value.exit_code == 3
    assert caught.value.lasting
    require_keys(study, {**environ, subject.variable: "set"})


def test_a_runtime_declares_what_the_rest_of_workbench_asks(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It declares its keys, how a winner is written back, and its checks, which call no model."""
    study = subject.study(folder)
    runtime = runtime_of(study.pipeline.engine)
    assert isinstance(study.pipeline, Pipeline)
    assert study.pipeline.engine.name == subject.name
    assert issubclass(runtime.Keys, Form)
    assert isinstance(hash(study.pipeline), int)
    all_keys = {key for runtime_class in RUNTIMES.values() for key in key_names(runtime_class.Keys)}
    assert set(runtime.instead) <= all_keys - set(key_names(runtime.Keys))
    assert all(isinstance(text, str) and text for text in runtime.instead.values())
    assert isinstance(runtime.real_in_rehearsal, str)
    place = runtime.write_back(study.pipeline.target)
    assert isinstance(place, BeforeVariable | IntoStep | NotWritten)
    assert not isinstance(place, NotWritten) or "{file}" in place.reason
    refusal = runtime.refusal_to_rehearse(study.pipeline)
    assert refusal is None or "rehears" in refusal
    assert runtime.version().strip()
    telling, model_calls = runtime.tells_cost(study.pipeline), runtime.model_calls(study.pipeline)
    assert telling in ("before", "afterwards", "never")
    assert bool(model_calls) == (telling == "before")
    with subject.world(folder, monkeypatch, "answer") as world:
        assert runtime.refusal(study.pipeline) is None
        assert runtime.warning(study.pipeline) is None
        checks = list(runtime.checks(study.pipeline, tmp_path / "home", {}))
        assert world.calls() == 0
    assert checks
    for check in checks:
        assert isinstance(check, Check)
        assert check.name
        assert check.state
        assert bool(check.advice) != check.passed, check
    assert not (tmp_path / "home").exists()


def test_two_studies_of_a_process_prepare_and_close_the_same_runtime(
    subject: Subject, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first close does not affect the other study. A closed runtime can be prepared or closed again."""
    study = subject.study(folder)
    with subject.world(folder, monkeypatch, "answer") as world:
        with prepared(study) as first:
            with prepared(study) as second:
                assert first is second
            execute(request_of(study, world), tmp_path / "home")
        first.close()
        with prepared(study):
            execute(request_of(study, world), tmp_path / "home")
        assert world.calls() == 2
