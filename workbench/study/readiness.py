"""Checks that this machine has everything a study needs, before anything costs money."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from workbench import providers
from workbench.errors import ExecutionFailed, MissingKey, OutsideError, PipelineRejected, UserError
from workbench.execution.runtime import Check
from workbench.execution.runtimes import runtime_of
from workbench.models.claude_program import require_program
from workbench.nouns import Study
from workbench.provider_table import PROGRAM
from workbench.study.services import needs_of, or_rehearse
from workbench.system.home import ensure_usable


def examine(study: Study, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
    """Yield the checks in the order in which a person should mend them. An early failure may cause the later ones.

    The models and the runtime may need the same thing, such as the claude program. Yield its check only once.
    """
    names: set[str] = set()
    runtime = runtime_of(study.pipeline.engine)
    for check in chain([_home(home)], _keys(study, environ), runtime.checks(study.pipeline, home, environ)):
        if check.name not in names:
            names.add(check.name)
            yield check


def require_accepted(study: Study) -> str | None:
    """Check that the study's runtime accepts the pipeline and its inputs. Needs no key and calls no model.

    Returns:
        None, or why the runtime could not be asked.

    Raises:
        PipelineRejected: the runtime refuses them. The message holds the runtime's own words.
    """
    try:
        refusal = runtime_of(study.pipeline.engine).refusal(study.pipeline)
    except ExecutionFailed as error:
        return (
            f"the pipeline file was not checked, because the runtime cannot be started ({str(error).splitlines()[0]}); "
            f"workbench doctor {study.file} says what is missing"
        )
    if refusal:
        raise PipelineRejected(
            f"{refusal}\nthe runtime would refuse every execution of {study.file}; expected a pipeline that it accepts "
            "with these inputs; correct the pipeline file or the study"
        )
    return None


def to_json(study: Study, checks: list[Check]) -> dict[str, Any]:
    """Return the checks as `workbench doctor --json` writes them. Scripts of users read these keys."""
    ready = all(check.passed for check in checks)
    rows = [
        {"name": check.name, "there": check.passed, "found": check.state, "advice": check.advice} for check in checks
    ]
    return {"study": study.name, "ready": ready, "checks": rows}


def _keys(study: Study, environ: Mapping[str, str]) -> Iterator[Check]:
    """Check that the environment has each key and each variable that the study needs."""
    needs = needs_of(study)
    for name in sorted(needs.providers):
        if name == PROGRAM:
            yield _program(study, environ)
            continue
        try:
            providers.real(environ)[name].key(environ)
        except MissingKey as error:
            yield Check(f"{name} key", False, "not set", error.message + or_rehearse(study))
        else:
            yield Check(f"{name} key", True, "set")
    for variable in needs.variables:
        is_set = bool(environ.get(variable))
        yield Check(variable, is_set, "set" if is_set else "not set", "" if is_set else f"set {variable}")


def _program(study: Study, environ: Mapping[str, str]) -> Check:
    """Check that the program is there. Only a call shows whether its login is valid."""
    try:
        require_program(environ)
    except OutsideError as error:
        return Check("claude program", False, "not on the PATH", error.message + or_rehearse(study))
    return Check("claude program", True, "on the PATH; it uses the login of this user")


def _home(home: Path) -> Check:
    """Check that WORKBENCH_HOME can be used."""
    try:
        return Check("WORKBENCH_HOME", True, str(ensure_usable(home)))
    except UserError as error:
        return Check("WORKBENCH_HOME", False, str(home), str(error))
