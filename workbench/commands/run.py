"""`workbench run`: search for a better prompt, confirm it, and report."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from workbench.commands import progress
from workbench.commands.ending import running_flow
from workbench.commands.output import JsonFile, console_beside, err, write_json
from workbench.commands.prefect_api import use_server
from workbench.errors import OutsideError
from workbench.evidence.report import rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import Summary, summarize
from workbench.execution.runtimes import runtime_of
from workbench.foreign_text import printable
from workbench.nouns import Study
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.study import calibrating
from workbench.study.opening import RunOptions, load
from workbench.study.rubric import require_rubric
from workbench.study.services import require_keys, require_rehearsable
from workbench.system import prefect_server
from workbench.system.home import home
from workbench.system.imports import without_collection


def run(
    study: Path,
    /,
    *,
    json_file: JsonFile = None,
    optimizer: str | None = None,
    budget: int | None = None,
    dollars: float | None = None,
    seed: int | None = None,
    runner: str | None = None,
    rehearse: Annotated[bool, Parameter(negative=())] = False,
) -> int:
    """Search for a better prompt, confirm it on fresh executions, and print a report.

    Parameters
    ----------
    study
        The study file.
    json_file
        A file for the report as JSON.
    optimizer
        Replaces the study's optimizer.
    budget
        Replaces the study's budget: how many executions the search may request.
    dollars
        Replaces the study's limit in dollars: what the whole run may cost.
    seed
        Replaces the study's seed.
    runner
        Replaces the study's task runner: threads, dask, ray, or a cluster such as dask@tcp://host:8786.
    rehearse
        Use scripted models instead of real ones. This costs nothing and proves nothing about a prompt.
    """
    loaded = load(RunOptions(study, optimizer, budget, seed, rehearse, dollars=dollars, runner=runner))
    _require_startable(loaded, rehearse=rehearse)
    with without_collection():
        use_server()
        # Prefect reads its settings at import. Therefore the flow is imported only now.
        from workbench.flows.optimize import optimize

    name = f"{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:8]}"

    def write_report() -> None:
        folder = RunFolder(home() / "runs" / name)
        if json_file is not None and folder.has(RunRecord):
            write_json(json_file, ReportRecord.of(summarize(folder)).to_json())

    try:
        with progress.watching(home(), name, loaded, err), running_flow(write_report):
            optimize(
                study=study.absolute(),
                optimizer=optimizer,
                budget=budget,
                seed=seed,
                rehearse=rehearse,
                run=name,
                dollars=dollars,
                runner=runner,
            )
    finally:
        # A run that failed or was interrupted has a report too: its state, and what it has found so far.
        write_report()
    result = rows(_result(name))
    if prefect_server.running_server(home()):
        result.append(("to stop", "workbench server --stop ends the Prefect server"))
    progress.table(loaded.name, result, console_beside(json_file))
    return 0


def _require_startable(study: Study, *, rehearse: bool) -> None:
    """Check what a run needs, warn, and advise a calibration. The flow checks too, but only after a server has started.

    Raises:
        UserError: a rubric or a key is missing, or the study cannot be rehearsed.
    """
    require_rubric(study, rehearsal=True)
    if warning := runtime_of(study.pipeline.engine).warning(study.pipeline):
        err.print(printable(f"note: {warning}"), markup=False, highlight=False)
    if rehearse:
        require_rehearsable(study)
        return
    require_keys(study, os.environ)
    if advice := calibrating.note(study, home(), os.environ):
        err.print(f"note: {advice}", highlight=False)


def _result(name: str) -> Summary:
    """Return the summary of a run that has ended.

    Raises:
        OutsideError: the run has no result.
    """
    summary = summarize(RunFolder(home() / "runs" / name))
    if summary.comparison is None:
        raise OutsideError(
            f"{name} ended without a result (its state is {summary.status}); expected the scores of both prompts on "
            "every goal; run the same command again",
            kind="no result",
        )
    return summary
