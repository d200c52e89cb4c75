"""Whether this machine has what a study needs, before any of it is paid for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from workbench import providers
from workbench.errors import ExecutionFailed, MissingKey, UserError
from workbench.execution.own import project
from workbench.execution.pipeline_ex.readiness import Check, checks
from workbench.execution.runtime import runtime_of
from workbench.nouns import Study
from workbench.study.opening import needed
from workbench.system.home import made


def examine(study: Study, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    """Everything that is needed, in an order in which mending is easy."""
    yield _home(home)
    yield from _keys(study, environ)
    if study.engine.checkout is not None:
        yield from checks(study.engine, home, environ)
    else:
        runtime = _runtime(study)
        yield runtime
        if runtime.there and study.engine.url is None:
            yield _pipeline(study)


def to_json(study: Study, found: list[Check]) -> dict[str, Any]:
    return {"study": study.name, "ready": all(one.there for one in found), "checks": [asdict(one) for one in found]}


def _keys(study: Study, environ: Mapping[str, str]) -> Iterator[Check]:
    for name in sorted(needed(study)):
        try:
            providers.real(environ)[name].key(environ)
        except MissingKey as error:
            yield Check(f"{name} key", False, "not set", error.message)
        else:
            yield Check(f"{name} key", True, "set")


def _home(home: Path) -> Check:
    try:
        return Check("WORKBENCH_HOME", True, str(made(home)))
    except UserError as error:
        return Check("WORKBENCH_HOME", False, str(home), str(error))


def _runtime(study: Study) -> Check:
    try:
        runtime = runtime_of(study.engine)
        runtime.prepare()
        return Check("runtime", True, runtime.version())
    except ExecutionFailed as error:
        return Check("runtime", False, "cannot be started", error.message)


def _pipeline(study: Study) -> Check:
    wrong = project.problems(study.pipeline)
    return Check("pipeline", wrong is None, str(study.pipeline), wrong or "")
