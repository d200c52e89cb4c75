"""The flow `optimize`: find the prompt that makes the pipeline write its best plan.

The search runs in a thread of its own and asks for answers. The flow answers each ask with a task run
(`workbench.search.asks` explains how, and `workbench.tasks.answering` does it):

    calibrate the judge, if the study says so and no run did it before
    for each ask    propose  or  execute → retrieve  or  score
    at the end      confirm → publish, and promote if the study says `promote: auto`
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.task_runners import TaskRunner

from workbench.evidence.gate import stages
from workbench.evidence.promotion import alpha_of
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.run.setting import Setting
from workbench.search.ask_kinds import AnswerFuture, Ask, slots
from workbench.search.asks import Asks
from workbench.search.fresh_trials import confirmation
from workbench.search.optimization import optimization
from workbench.study.at_commit import names_at
from workbench.study.names import names
from workbench.study.opening import RunOptions, champions_of, load, open_run
from workbench.system import loopback
from workbench.system.home import home
from workbench.system.process import ended_on_interrupt
from workbench.tasks.alive import alive
from workbench.tasks.answering import answer
from workbench.tasks.calibrating import check_judge
from workbench.tasks.confirm import confirm
from workbench.tasks.keys import take_keys
from workbench.tasks.ledger import in_ledger
from workbench.tasks.log import RunLog
from workbench.tasks.place import located, skipped
from workbench.tasks.promote import promote
from workbench.tasks.publish import RunArtifact, publish
from workbench.tasks.runners import tasks_of
from workbench.tasks.surroundings import claim, due, outside_failures, run_name, tag_flow_run


def title() -> str:
    """Return the flow run's name: the study, the optimizer, the time at which the run was due, and the commit."""
    parameters = flow_run.parameters
    study, optimizer = _names(*(parameters[name] for name in ("study", "repository", "commit")))
    parts = (study, parameters["optimizer"] or optimizer, due(), (parameters["commit"] or "")[:12])
    return " · ".join(part for part in parts if part)


def _names(study: Path, repository: str | None, commit: str | None) -> tuple[str, str]:
    """Return the names of the study and of its optimizer. Nothing is fetched, and nothing of the study is checked."""
    return names_at(repository, commit, str(study), home(), os.environ) if repository else names(Path(study))


@flow(name="optimize", retries=1, retry_delay_seconds=10, flow_run_name=title, persist_result=False)
def optimize(
    study: Path,
    optimizer: str | None = None,
    budget: int | None = None,
    seed: int | None = None,
    rehearse: bool = False,
    run: str | None = None,
    repository: str | None = None,
    commit: str | None = None,
    dollars: float | None = None,
    runner: str | None = None,
) -> dict[str, Any] | State[Any]:
    """Search for a better prompt, then confirm it on fresh trials. A retried or repeated run executes nothing twice.

    Args:
        study: The study file. With a repository, its path inside the repository.
        optimizer: Replaces the study's optimizer.
        budget: Replaces the study's budget, which is how many executions the search may request.
        seed: Replaces the study's seed.
        rehearse: Use scripted models instead of real models. A rehearsal costs nothing and proves nothing.
        run: The name of the run's folder. By default, it is made of the time and the flow run's id.
        repository: A git repository that has the study, as a folder or a URL.
        commit: The commit of the repository that is measured. By default, the newest one.
        dollars: Replaces the study's limit in US dollars, which holds for the whole run.
        runner: Replaces the study's task runner: threads, dask, ray, or a cluster such as dask@tcp://host:8786.

    Returns:
        The report, as `workbench run --json` writes it. A run that did not get its turn ends in the state Skipped.

    Raises:
        UserError: A person has to change the study, the parameters or the repository.
        OutsideError: The outside world failed. If the failure lasts, Prefect does not retry the run.
    """
    # A worker's environment may name a proxy. A proxy cannot reach a rehearsal on this machine.
    os.environ.update(loopback.exceptions(os.environ))
    with ExitStack() as stack:
        stack.enter_context(outside_failures())
        stack.enter_context(alive())
        # The tags are added early, so that a run that fails later has them, too.
        name, own_optimizer = _names(study, repository, commit)
        tag_flow_run(name, optimizer or own_optimizer or "optimize", rehearsal=rehearse)
        artifact = stack.enter_context(RunArtifact())
        place = stack.enter_context(located(study, repository, commit, search=True))
        if place.skipped is not None:
            return skipped(place.skipped)
        options = RunOptions(place.study, optimizer, budget, seed, rehearse, place.prompts, dollars, runner)
        loaded = load(options)
        place.warn_of_another_champion(loaded)
        tag_flow_run(loaded.name, loaded.optimizer, rehearsal=rehearse)
        if not rehearse:
            take_keys(loaded, os.environ)
        opening = open_run(options, home=home(), run=run or run_name(), url=flow_run.ui_url, environ=os.environ)
        with opening as setting, in_ledger(setting.run), tasks_of(setting) as tasks:
            artifact.show(setting.run)
            if setting.rehearsal and not rehearse:
                tag_flow_run(loaded.name, loaded.optimizer, rehearsal=True)
            log = RunLog(setting.run)
            verdicts = _answer_asks(setting, tasks, log, artifact)
            comparison = confirm.submit(setting.run, wait_for=verdicts, return_state=False)
            report = publish.submit(setting.run, comparison).result()
            log.result()
            if report["better"] and setting.study.promote == "auto" and not setting.rehearsal:
                log.promotion(promote.submit(setting.run, champions_of(setting.study)), place.how_to_commit)
            return report


def _answer_asks(
    setting: Setting, tasks: TaskRunner[Any], log: RunLog, artifact: RunArtifact
) -> list[PrefectFuture[Any]]:
    """Answer the asks of the search, then those of the confirmation. Return the verdicts of the confirmation."""
    limits, claims = slots(setting.study.concurrency), claim(home())

    def answered(ask: Ask, task: AnswerFuture) -> None:
        log.answered(ask, task)
        artifact.refresh()

    confirm_stages = stages(setting.study.confirm, alpha_of(setting.study.promote))
    with ended_on_interrupt():
        check_judge(setting, home(), tasks)
        with Asks(optimization(setting), limits, answered, log.trial, claims) as search:
            answer(search, setting.run, tasks)
        log.confirming()
        work = confirmation(setting, search.result, confirm_stages, decided(setting.run))
        with Asks(work, limits, answered, log.trial, claims) as fresh_trials:
            return answer(fresh_trials, setting.run, tasks)


def decided(run: RunFolder) -> Callable[[], bool]:
    """Return a function that returns True once the run has enough trials to decide about its best prompt."""
    return lambda: summarize(run).comparison is not None
