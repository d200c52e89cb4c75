"""`workbench calibrate`: say whether the judge of a study can be trusted."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from workbench.commands import progress
from workbench.commands.ending import running_flow
from workbench.commands.output import JsonFile, console_beside, err, write_json
from workbench.commands.prefect_api import use_server
from workbench.evidence.words import money
from workbench.study.opening import RunOptions, load
from workbench.study.rubric import require_rubric
from workbench.study.services import require_keys
from workbench.system.home import home
from workbench.system.imports import without_collection


def calibrate(
    study: Path,
    /,
    *,
    probes: Annotated[bool, Parameter(negative=())] = False,
    rehearse: Annotated[bool, Parameter(negative=())] = False,
    budget: int | None = None,
    dollars: float | None = None,
    runner: str | None = None,
    json_file: JsonFile = None,
) -> int:
    """Say whether the judge can be trusted: have it score the gold plans, and versions damaged by known degrees.

    It also executes the champion, or else the starting prompt, a few times, to compare the generator's noise with the
    judge's. The search begins with the same executions, so they are not paid twice.

    Parameters
    ----------
    study
        The study file.
    probes
        Also measure whether text in a plan that addresses the judge moves the score.
    rehearse
        Use scripted models instead of real ones. This costs nothing and proves nothing about a judge.
    budget
        Replaces the study's budget: how many executions the calibration may request. A calibration
        requests four to six.
    dollars
        Replaces the study's limit in dollars: what the calibration may cost.
    runner
        Replaces the study's task runner: threads, dask, ray, or a cluster such as dask@tcp://host:8786.
    json_file
        A file for the calibration as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.calibration.result import rows
    from workbench.run.calibration import CalibrationRecord
    from workbench.study.calibrating import calibration_estimate

    loaded = load(RunOptions(study, budget=budget, rehearse=rehearse, dollars=dollars, runner=runner, calibrates=True))
    require_rubric(loaded, rehearsal=True)
    if not rehearse:
        # The flow checks the keys too. This check comes before a server is started.
        require_keys(loaded, os.environ)
    price = calibration_estimate(loaded, home(), probes=probes).text
    cost_note = f"this rehearsal costs nothing; real models: {price}" if rehearse else price
    err.print(f"{loaded.name}: calibrating the judge ({cost_note})", highlight=False)
    with without_collection():
        use_server()
        # Prefect reads its settings at import. Therefore the flow is imported only now.
        from workbench.flows.calibrate import calibrate as calibrate_flow

    with running_flow():
        result = calibrate_flow(
            study=study.absolute(),
            probes=probes,
            rehearse=rehearse,
            budget=budget,
            dollars=dollars,
            runner=runner,
        )
    record = CalibrationRecord.model_validate_json(json.dumps(result))
    spent = money(result["dollars"])
    cost = f"nothing; real models would have cost {spent}" if rehearse else spent
    table = [*rows(record, loaded, Path(result["picture"])), ("cost", cost)]
    progress.table(loaded.name, table, console_beside(json_file))
    if json_file is not None:
        write_json(json_file, result)
    return 0
