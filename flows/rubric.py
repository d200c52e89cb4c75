"""The flow `rubric`: draw the criteria of a study's judge.

for each goal    draw the criteria from its gold plans
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from workbench.study import loader
from workbench.study.draw import drawn_by
from workbench.study.names import names
from workbench.study.opening import open_drawing
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.alive import alive
from workbench.tasks.drawing import draw_rubric
from workbench.tasks.ledger import in_ledger
from workbench.tasks.runners import tasks_of
from workbench.tasks.surroundings import due, outside_failures, tag_flow_run


def title() -> str:
    """Return the flow run's name: the study, and the time at which the run was due."""
    study, _ = names(Path(flow_run.parameters["study"]))
    return f"{study} · rubric · {due()}"


@flow(name="rubric", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def rubric(study: Path, rehearse: bool = False, again: bool = False) -> dict[str, Any]:
    """Draw criteria for each goal from its gold plans. A repeated run buys nothing twice, and writes no file.

    Args:
        study: The study file.
        rehearse: Use a scripted model instead of the judge's. A rehearsal costs nothing.
        again: Ask the model again, even if it has drawn criteria from these gold plans before.

    Returns:
        `criteria` by goal, `drawn_by` (the model), the number of `calls` and their cost in `dollars`.
    """
    os.environ.update(loopback.exceptions(os.environ))
    with outside_failures(), alive():
        loaded = loader.load(study)
        opening = open_drawing(loaded, rehearse=rehearse, home=home(), url=flow_run.ui_url, environ=os.environ)
        with opening as setting, in_ledger(setting.run), tasks_of(setting) as tasks, ended_on_interrupt():
            tag_flow_run(loaded.name, "rubric", rehearsal=setting.judge.provider.rehearsal)
            return {"drawn_by": drawn_by(setting), **asdict(draw_rubric(setting, tasks, again=again))}
