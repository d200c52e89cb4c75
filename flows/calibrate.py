"""The flow `calibrate`: say whether the judge of a study can be trusted.

for each text    score the gold plans, and versions of them that are damaged by known degrees
for each plan    execute → retrieve → score, with the starting prompt
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.artifacts import create_markdown_artifact
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from workbench.calibration.result import to_json
from workbench.evidence.svg import data_uri
from workbench.run import journal
from workbench.study.names import names
from workbench.study.opening import RunOptions, load, open_calibration
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.alive import alive
from workbench.tasks.calibrating import calibrate_judge
from workbench.tasks.keys import take_keys
from workbench.tasks.ledger import in_ledger
from workbench.tasks.runners import tasks_of
from workbench.tasks.surroundings import due, outside_failures, tag_flow_run


def title() -> str:
    """Return the flow run's name: the study, and the time at which the run was due."""
    study, _ = names(Path(flow_run.parameters["study"]))
    return f"{study} · calibrate · {due()}"


@flow(name="calibrate", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def calibrate(
    study: Path,
    probes: bool = False,
    rehearse: bool = False,
    budget: int | None = None,
    dollars: float | None = None,
    runner: str | None = None,
) -> dict[str, Any]:
    """Have the judge score damaged gold plans and plans of the starting prompt. A repeated run buys nothing twice.

    Args:
        study: The study file.
        probes: Also measure whether text in a plan that addresses the judge moves the score.
        rehearse: Use scripted models instead of real models. A rehearsal costs nothing and proves nothing.
        budget: Replaces the study's budget, which is how many executions the calibration may request.
        dollars: Replaces the study's limit in US dollars.
        runner: Replaces the study's task runner: threads, dask, ray, or a cluster such as dask@tcp://host:8786.

    Returns:
        The calibration, as `workbench calibrate --json` writes it. `dollars` is what its calls cost this time, or in a
        rehearsal what they would have cost.
    """
    os.environ.update(loopback.exceptions(os.environ))
    options = RunOptions(study, budget=budget, rehearse=rehearse, dollars=dollars, runner=runner, calibrates=True)
    with outside_failures(), alive():
        if not rehearse:
            take_keys(load(options), os.environ)
        opening = open_calibration(options, home=home(), url=flow_run.ui_url, environ=os.environ)
        with opening as setting, in_ledger(setting.run), tasks_of(setting) as tasks, ended_on_interrupt():
            start_time = time.time()
            tag_flow_run(setting.study.name, "calibrate", rehearsal=setting.rehearsal)
            record, picture = calibrate_judge(setting, home(), tasks, probes=probes)
            sentence = record.sentence(setting.study.passing, setting.study.calls)
            get_run_logger().info(sentence)
            image = data_uri(picture.read_text(encoding="utf-8"))
            create_markdown_artifact(
                f"**{sentence}**\n\n![Mean scores over the degree of damage]({image})\n",
                key="calibration",
                description="Whether the judge can be trusted",
            )
            # Earlier calibrations of the same judge are in the same journal.
            calls = (call for call in journal.read(setting.run.path) if call.at >= start_time)
            dollars = sum(call.cost.known for call in calls if call.cost)
            return {**to_json(record, setting.study, picture), "dollars": dollars}
