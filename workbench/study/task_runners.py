"""Lists the task runners that a study can name, and says why a study cannot use the one that it names.

`workbench.tasks.runners` starts the task runners. This module does not import Prefect, which takes seconds.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.fields import KeyPath
from workbench.nouns import Study, TaskRunner, TaskRunnerName
from workbench.system.imports import installation

#: The key of a study that names the task runner.
TASK_RUNNER: KeyPath = ("task_runner",)


@dataclass(frozen=True)
class Package:
    """The package that a task runner needs, and the extra of Workbench that installs it."""

    module: str
    extra: str


#: The package of each task runner; None for the task runner that Prefect has itself.
PACKAGES: dict[TaskRunnerName, Package | None] = {
    "threads": None,
    "dask": Package("prefect_dask", "dask"),
    "ray": Package("prefect_ray", "ray"),
}


def parse(text: str) -> TaskRunner:
    """Return the task runner that a study or an option names: NAME, or NAME@ADDRESS for a cluster that is running."""
    name, _, address = text.partition("@")
    names: dict[str, TaskRunnerName] = {name: name for name in PACKAGES}
    return TaskRunner(names[name], address or None)


def refusals(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield the reasons why the study's task runner cannot be used, each with the key that it concerns."""
    name = study.task_runner.name
    package = PACKAGES[name]
    if package is None:
        return
    if importlib.util.find_spec(package.module) is None:
        yield (
            TASK_RUNNER,
            (
                f"task_runner: {name} needs the package {package.module.replace('_', '-')}, which is not installed; "
                f"expected it beside Workbench; run {installation(package.extra)}"
            ),
        )
    if study.dollars is not None:
        yield (
            TASK_RUNNER,
            (
                f"task_runner: {name} cannot keep budget.dollars, because processes cannot share a budget; expected "
                "threads; use threads, or take dollars out of the budget and limit the executions"
            ),
        )
