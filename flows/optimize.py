"""The flow `optimize`: find the prompt that makes the pipeline write its best plan.

The search runs in a thread of its own and asks for answers. The flow answers each ask with a task run
(`workbench.search.asks` explains how):

    for each ask    propose  or  execute → retrieve  or  score
    at the end      confirm → publish
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from workbench.search.ask_kinds import Execute, Propose, Retrieve, Score, slots
from workbench.search.asks import Asks
from workbench.search.optimization import confirmation, optimization
from workbench.study.opening import RunOptions, open_run
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.confirm import confirm
from workbench.tasks.execute import execute
from workbench.tasks.propose import propose
from workbench.tasks.publish import RunArtifact, publish
from workbench.tasks.retrieve import retrieve
from workbench.tasks.score import score
from workbench.tasks.surroundings import claim, outside_failures, server_watched


def title() -> str:
    """Return the flow run's name: the study's folder and file."""
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
    dollars: float | None = None,
) -> dict[str, Any]:
    """Search for a better prompt, then confirm it on fresh trials. A retried or repeated run executes nothing twice.

    Args:
        study: the study file.
        optimizer, budget, seed: replace the study's own values. `budget` is a number of executions.
        rehearse: use scripted models instead of real models.
        run: the name of the run's folder. By default it is made of the time and the flow run's id.
        dollars: replaces the study's limit of what the run may cost.

    Returns:
        The report, as `workbench run --json` writes it.

    Raises:
        UserError, OutsideError: what a person has to change, or what failed outside. A failure that lasts is not
            repeated.
    """
    # A worker's environment may name a proxy, which could not reach a rehearsal on this machine.
    os.environ.update(loopback.exceptions(os.environ))
    options = RunOptions(study, optimizer, budget, seed, rehearse, dollars)
    opened = open_run(options, home=home(), run=run or run_name(), url=flow_run.ui_url, environ=os.environ)
    with outside_failures(), opened as setting:
        artifact, limits, claims = RunArtifact(setting.run), slots(setting.study.concurrency), claim(home())
        with ended_on_interrupt():
            with Asks(optimization(setting), limits, artifact.refresh, claims) as search:
                answer(search)
            outcome = search.result
            with Asks(confirmation(setting, outcome), limits, artifact.refresh, claims) as fresh_trials:
                answer(fresh_trials)
        comparison = confirm.submit(
            fresh_trials.result, *outcome.names, wait_for=fresh_trials.verdicts, return_state=False
        )
        report = publish.submit(setting.run, comparison).result()
        artifact.refresh(now=True)
        return report


def answer(asks: Asks[Any]) -> None:
    """Answer every ask with a task run, as soon as the ask is ready.

    `return_state=False` picks the overload of `submit` that takes a future as an input. So Prefect shows an edge
    between the two task runs.
    """
    with server_watched(asks.interrupt):
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
    """Return a name that is the same for every attempt of a flow run. Names sort by time."""
    return f"{flow_run.scheduled_start_time:%Y%m%d-%H%M%S}-{flow_run.id[:8]}"
