"""The flow `watch`: look at a git repository, and emit an event if a branch has a new head."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from workbench.repository.looks import look
from workbench.repository.opening import known_branch, known_file, open_repository
from workbench.study.at_commit import StudyInRepository, absent, names_at
from workbench.system import loopback
from workbench.system.files import private_files
from workbench.system.home import ensure_usable, home
from workbench.tasks.alive import alive
from workbench.tasks.emit import emit
from workbench.tasks.surroundings import due, outside_failures, tag_flow_run


def title() -> str:
    """Return the flow run's name: the repository, the branch, and the time at which the look was due."""
    repository = str(flow_run.parameters["repository"])
    branch = known_branch(repository, str(flow_run.parameters["branch"]), home(), os.environ)
    name = Path(repository).absolute().name.removesuffix(".git")
    return f"{name} · {branch} · {due()}"


@flow(name="watch", flow_run_name=title, persist_result=False)
def watch(
    repository: str,
    branch: str = "HEAD",
    study: str = "study.yaml",
    paths: list[str] | None = None,
    emit_first: bool = False,
) -> dict[str, Any]:
    """Look at a branch, and emit the event `pipeline.repo.changed` if it has a new head. No head is reported twice.

    Args:
        repository: The git repository, as a folder or a URL.
        branch: The branch. HEAD is the branch that is checked out, or the default branch of a URL.
        study: The path of the study inside the repository. The event carries it.
        paths: Patterns such as `pipelines/**`. Without a changed path that matches one, no event is emitted.
        emit_first: Also emit an event at the very first look.

    Returns:
        The head, and the change that was emitted, or None.
    """
    os.environ.update(loopback.exceptions(os.environ))
    with outside_failures(), alive(), private_files():
        # The tags are added early, so that a run that fails later has them, too.
        tagged = names_at(repository, branch, study, home(), os.environ)[0]
        tag_flow_run(tagged, "watch", rehearsal=False)
        opened = open_repository(repository, ensure_usable(home()), os.environ)
        StudyInRepository.of(opened, study)
        branch = opened.branch(branch)
        # The repository of a URL may have been unknown before, or its study may have another name now.
        if (name := names_at(repository, branch, study, home(), os.environ)[0]) != tagged:
            tag_flow_run(name, "watch", rehearsal=False)
        result = look(opened, branch, study, paths or (), home=home(), report=emit, first=emit_first)
    get_run_logger().info(result.sentence)
    if known_file(repository, result.head, study, home(), os.environ) is None:
        get_run_logger().warning(absent(repository, study, result.head))
    return {"head": result.head, "change": None if result.change is None else result.change.to_json()}
