"""Find the prompt that makes the pipeline write its best plan.

propose ─┐
         ├─ the search asks, the flow answers ─ confirm ─ publish
execute ─ retrieve ─ score
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from workbench.search.asks import Asks, Execute, Propose, Retrieve, Score, slots
from workbench.search.optimization import confirmation, optimization
from workbench.study.opening import RunOptions, open_run
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.confirm import confirm
from workbench.tasks.execute import execute
from workbench.tasks.propose import propose
from workbench.tasks.publish import Glance, publish
from workbench.tasks.retrieve import retrieve
from workbench.tasks.score import score


def title() -> str:
    """What a person reads of a flow run: the study's folder and file."""
    study = Path(flow_run.parameters["study"])
    return f"{study.parent.name}/{study.stem}"


@flow(name="optimize", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def optimize(
    study: Path,
    optimizer: str | None = None,
    budget: int | None = None,
    seed: int | None = None,
    rehearse: bool = False,
    run: str | None = None,
) -> dict[str, Any]:
    """Search, then confirm on fresh trials. A retried or repeated run executes nothing twice.

    Args:
        study: the study file.
        optimizer, budget, seed: instead of the study's own.
        rehearse: scripted models instead of real ones.
        run: name of the run's folder; by default the time and the flow run's id.

    Returns:
        The report, as `workbench run --json` writes it.
    """
    options = RunOptions(study, optimizer, budget, seed, rehearse)
    with open_run(options, home=home(), run=run or run_name(), url=flow_run.ui_url, environ=os.environ) as setting:
        glance = Glance(setting.run)
        with ended_on_interrupt():
            with Asks(optimization(setting), slots(setting.study.concurrency), glance.refresh) as search:
                answer(search)
            with Asks(confirmation(setting, search.found), slots(setting.study.concurrency), glance.refresh) as trials:
                answer(trials)
        comparison = confirm.submit(trials.found, *search.found.names, wait_for=trials.verdicts, return_state=False)
        report = publish.submit(setting.run, comparison).result()
        glance.refresh(now=True)
        return report


def answer(asks: Asks[Any]) -> None:
    """Answer every ask with a task run, as soon as its inputs are there.

    `return_state` picks the one of Prefect's signatures that takes a future for an input, which keeps the edge.
    """
    for ask in asks:
        match ask:
            case Propose():
                asks.answer(ask, propose.submit(ask.request))
            case Execute():
                asks.answer(ask, execute.submit(ask.request))
            case Retrieve():
                asks.answer(ask, retrieve.submit(ask.execution, ask.title, return_state=False))
            case Score():
                asks.answer(ask, score.submit(ask.request, ask.plan, return_state=False))


def run_name() -> str:
    """The same for every attempt of a flow run, and sorted by time."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}-{flow_run.id[:8]}"
