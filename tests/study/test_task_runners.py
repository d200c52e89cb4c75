"""Which task runners a study may name, and which studies cannot use one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.command_line import study as write_study
from workbench.errors import StudyError
from workbench.nouns import TaskRunner
from workbench.study.opening import RunOptions, load


def runner_of(folder: Path, option: str | None = None, **changes: object) -> TaskRunner:
    return load(RunOptions(write_study(folder, **changes), runner=option)).task_runner


def problem(folder: Path, option: str | None = None, **changes: object) -> str:
    with pytest.raises(StudyError) as caught:
        runner_of(folder, option, **changes)
    return str(caught.value)


def test_a_study_without_the_key_uses_threads(tmp_path: Path) -> None:
    assert runner_of(tmp_path) == TaskRunner("threads", None)


@pytest.mark.parametrize(
    ("text", "runner"),
    [
        ("threads", TaskRunner("threads")),
        ("dask", TaskRunner("dask")),
        ("dask@tcp://10.0.0.5:8786", TaskRunner("dask", "tcp://10.0.0.5:8786")),
        ("dask@tls://scheduler:8786", TaskRunner("dask", "tls://scheduler:8786")),
    ],
)
def test_a_study_or_an_option_names_the_task_runner(tmp_path: Path, text: str, runner: TaskRunner) -> None:
    """The option replaces the study's own task runner."""
    assert runner_of(tmp_path, task_runner=text) == runner
    assert runner_of(tmp_path, text, task_runner="threads") == runner


@pytest.mark.parametrize("text", ["process", "threads@tcp://a:1", "dask@", "dask@10.0.0.5:8786", "dask@tcp://me@a:1"])
def test_an_unknown_task_runner_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    """The message shows the value and what is expected. The option has the name that a person has typed."""
    expected = f'"{text}" is not threads, dask, ray, or a cluster such as dask@tcp://host:8786'
    message = problem(tmp_path, task_runner=text)
    assert "study.yaml:" in message and f"task_runner: {expected}" in message
    assert f"--runner: {expected}" in problem(tmp_path, text)


@pytest.mark.parametrize(("name", "module"), [("dask", "prefect_dask"), ("ray", "prefect_ray")])
def test_a_missing_package_is_named_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    message = problem(tmp_path, name)
    assert f"{name} needs the package {module.replace('_', '-')}, which is not installed" in message
    assert f"run {sys.executable} -m pip install 'workbench[{name}]'" in message


def test_a_cluster_with_a_budget_in_dollars_is_refused(tmp_path: Path) -> None:
    """The processes of a cluster cannot share the budget."""
    message = problem(tmp_path, task_runner="dask", budget={"executions": 12, "dollars": 50})
    assert "task_runner: dask cannot keep budget.dollars" in message
    assert runner_of(tmp_path, budget={"executions": 12, "dollars": 50}) == TaskRunner()
