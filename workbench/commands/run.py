"""`workbench run`: search for a better prompt, confirm it, and report."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from workbench.commands import progress
from workbench.commands.output import JsonFile, err, out, write_json
from workbench.errors import ServerUnavailable
from workbench.evidence.report import rows
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.study.opening import RunOptions, load
from workbench.study.services import require_keys
from workbench.system import prefect_server
from workbench.system.home import ensure_usable, home
from workbench.system.interruption import GracefulInterrupt


def run(
    study: Path,
    /,
    *,
    json_file: JsonFile = None,
    optimizer: str | None = None,
    budget: int | None = None,
    seed: int | None = None,
    rehearse: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Search for a better prompt, confirm it on fresh executions, and report.

    Parameters
    ----------
    study
        The study file.
    json_file
        Write the report there, as JSON.
    optimizer
        Instead of the study's own.
    budget
        Executions that the search may ask for, instead of the study's own number.
    seed
        Instead of the study's own.
    rehearse
        Scripted models instead of real ones: costs nothing, proves nothing about a prompt.
    """
    loaded = load(RunOptions(study, optimizer, budget, seed, rehearse))
    if not rehearse:
        # The flow asks too; asked here, a missing key starts no server and no run.
        require_keys(loaded, os.environ)
    use_server()
    # Only now: Prefect reads its settings when it is imported.
    from workbench.flows.optimize import optimize

    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid.uuid4().hex[:8]}"
    with progress.watching(home(), name, loaded, err), GracefulInterrupt():
        report: dict[str, Any] = optimize(
            study=study.absolute(), optimizer=optimizer, budget=budget, seed=seed, rehearse=rehearse, run=name
        )
    more = (
        [("to stop", "workbench server --stop ends the Prefect server")]
        if prefect_server.running_server(home())
        else []
    )
    progress.table(loaded.name, [*rows(summarize(RunFolder.find(home(), name))), *more], out)
    if json_file is not None:
        write_json(json_file, report)
    return 0


def use_server() -> None:
    """Point Prefect at the server that the user has, else at one of ours. Call this before Prefect is imported."""
    ensure_usable(home())
    os.environ.setdefault("PREFECT_HOME", prefect_server.prefect_home(home(), os.environ))
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "CRITICAL")
    url = os.environ.get("PREFECT_API_URL")
    if url is None:
        os.environ["PREFECT_API_URL"] = prefect_server.ensure(home(), os.environ, err.print).url
    elif not prefect_server.healthy(url):
        raise ServerUnavailable(
            f"no Prefect server answers at PREFECT_API_URL={url}: start it, or unset that to use one of our own",
            kind="no server",
        )
