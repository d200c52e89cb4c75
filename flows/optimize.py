"""The flow `optimize`: find the prompt that makes the pipeline write its best plan.

The search runs in a thread of its own and asks for answers. The flow answers each ask with a task run
(`workbench.search.asks` explains how):

    for each ask    propose  or  execute → retrieve  or  score
    at the end      confirm → publish, and promote if the study says `promote: auto`
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord
from workbench.search.ask_kinds import AnswerFuture, Ask, Execute, Propose, Retrieve, Score, slots
from workbench.search.asks import Asks
from workbench.search.optimization import confirmation, optimization
from workbench.study.loader import names
from workbench.study.opening import RunOptions, champions_of, open_run
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.confirm import confirm
from workbench.tasks.execute import execute
from workbench.tasks.log import RunLog
from workbench.tasks.promote import promote
from workbench.tasks.propose import propose
from workbench.tasks.publish import RunArtifact, publish
from workbench.tasks.retrieve import retrieve
from workbench.tasks.score import score
from workbench.tasks.surroundings import claim, outside_failures, server_watched, tag_flow_run


def title() -> str:
    """Return the flow run's name: the study, the optimizer and the time at which the run was due."""
    parameters = flow_run.parameters
    study, optimizer = names(Path(parameters["study"]))
    return f"{study} · {parameters['optimizer'] or optimizer} · {flow_run.scheduled_start_time:%Y-%m-%d %H:%M}"


@flow(name="optimize", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def optimize(
    study: Path,
    optimizer: str | None = None,
    budget: int | None = None,
    seed: int | None = None,
    rehearse: bool = False,
    run: str | None = None,
) -> dict[str, Any]:
    """Search for a better prompt, then confirm it on fresh trials. A retried or repeated run executes nothing twice.

    Args:
        study: the study file.
        optimizer, budget, seed: replace the study's own values.
        rehearse: use scripted models instead of real models.
        run: the name of the run's folder. By default it is made of the time and the flow run's id.

    Returns:
        The report, as `workbench run --json` writes it.

    Raises:
        UserError, OutsideError: what a person has to change, or what failed outside. A failure that lasts is not
            repeated.
    """
    # A worker's environment may name a proxy, which could not reach a rehearsal on this machine.
    os.environ.update(loopback.exceptions(os.environ))
    options = RunOptions(study, optimizer, budget, seed, rehearse)
    opened = open_run(options, home=home(), run=run or run_name(), url=flow_run.ui_url, environ=os.environ)
    with outside_failures(), RunArtifact() as artifact, opened as setting:
        artifact.show(setting.run)
        log, limits, claims = RunLog(setting.run), slots(setting.study.concurrency), claim(home())
        tag_flow_run(setting.study.name, setting.study.optimizer, *(["rehearsal"] if setting.rehearsal else []))

        def answered(ask: Ask, task: AnswerFuture) -> None:
            log.answered(ask, task)
            artifact.refresh()

        with ended_on_interrupt():
            with Asks(optimization(setting), limits, answered, log.trial, claims) as search:
                answer(search, setting.run)
            log.confirming()
            outcome = search.result
            with Asks(confirmation(setting, outcome), limits, answered, log.trial, claims) as fresh_trials:
                answer(fresh_trials, setting.run)
        comparison = confirm.submit(
            fresh_trials.result, *outcome.names, wait_for=fresh_trials.verdicts, return_state=False
        )
        report = publish.submit(setting.run, comparison).result()
        log.result()
        if report["better"] and setting.study.promote == "auto" and not setting.rehearsal:
            log.promotion(promote.submit(setting.run, champions_of(setting.study)))
        return report


def answer(asks: Asks[Any], run: RunFolder) -> None:
    """Answer every ask with a task run, as soon as the ask is ready.

    `return_state=False` picks the overload of `submit` that takes a future as an input. So Prefect shows an edge
    between the two task runs.
    """
    with server_watched(asks.interrupt):
        for ask in asks:
            if not isinstance(ask, Retrieve):
                run.append(AnswerRecord(task=ask.task, key=ask.key))
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
