"""Answer the asks of a search with kept answers and task runs. Every flow that asks a model uses this loop."""

from __future__ import annotations

import functools
import gc
from collections.abc import Sequence
from typing import Any

from prefect import Task
from prefect.client.schemas.objects import RunInput, TaskRunResult
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from workbench.evidence.words import plural
from workbench.execution import plan
from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord
from workbench.search.ask_kinds import AnswerFuture, Draw, Execute, PaidAsk, Propose, Retrieve, Score
from workbench.search.asks import Asks
from workbench.tasks import runners, worker
from workbench.tasks.draw import draw
from workbench.tasks.execute import execute
from workbench.tasks.prefect_events import send_events_in_batches
from workbench.tasks.prefect_log import quieten_task_runs
from workbench.tasks.progress import Progress
from workbench.tasks.propose import propose
from workbench.tasks.retrieve import retrieve
from workbench.tasks.reuse import KeptAnswer, ReusedAnswers, was_kept
from workbench.tasks.score import score
from workbench.tasks.surroundings import server_watched
from workbench.tasks.task_run_answer import TaskRunAnswer

#: The earlier task runs that a task run depends on, by the parameter that takes their results.
Dependencies = dict[str, set[RunInput]] | None


def answer(asks: Asks[Any], run: RunFolder, runner: TaskRunner[Any]) -> list[PrefectFuture[Any]]:
    """Answer every ask as soon as it is ready: with its kept answer, or else with a task run.

    What costs money is submitted to `runner`, which may be a cluster. `retrieve` always runs in this process, because
    reading plans takes less time than sending the executions to another process.

    The key of an answer that costs money is written into the run's folder before the answer is bought.

    `retrieve` and `score` get the id of the earlier task run as a dependency, so that Prefect shows an edge between the
    two task runs. Values for a task run in this process are quoted. Otherwise Prefect would look into each value for
    results of task runs, and would draw wrong edges, because it recognises results by their place in memory. Values for
    a cluster are not quoted, because Dask takes a quoted value apart.

    Returns:
        The task runs of all verdicts.
    """
    _prepare_flow_process()
    wrap = quote if isinstance(runner, ThreadPoolTaskRunner) else _as_it_is
    progress, records, reused, threads = Progress(), worker.SentRecords(run), ReusedAnswers(), runners.local()

    def submitted(task: Task[..., Any], values: dict[str, Any], dependencies: Dependencies = None) -> TaskRunAnswer:
        return TaskRunAnswer(runner.submit(task, values, dependencies=dependencies))

    with server_watched(asks.interrupt), records:
        for ask in asks:
            progress.report()
            records.take_in()
            if isinstance(ask, Retrieve):
                asks.answer(ask, _retrieved(ask, threads))
                continue
            run.append(_record(ask))
            if (kept := reused.look_up(ask)) is not None:
                asks.answer(ask, kept, bought=_bought)
                continue
            reused.show()
            match ask:
                case Propose():
                    asks.answer(ask, submitted(propose, {"request": wrap(ask.request)}), bought=_bought)
                case Draw():
                    asks.answer(ask, submitted(draw, {"request": wrap(ask.request)}), bought=_bought)
                case Execute():
                    asks.answer(ask, submitted(execute, {"request": wrap(ask.request)}))
                case Score():
                    values = {"request": wrap(ask.request), "plan": wrap(ask.plan)}
                    after = _after("plan", [ask.retrieval] if ask.retrieval is not None else [])
                    # The judge's model is not called for an invalid plan.
                    bought = _bought if ask.plan.ok else _free
                    asks.answer(ask, submitted(score, values, dependencies=after), bought=bought)
        reused.show(now=True)
    return [*(task.future for task in asks.verdicts if isinstance(task, TaskRunAnswer)), *reused.verdicts]


@functools.cache
def _prepare_flow_process() -> None:
    """Send events in batches, quieten Prefect's log, and exclude the imports' objects from the search for garbage."""
    send_events_in_batches()
    quieten_task_runs()
    # The objects of the imports live as long as the process. Without this, Python looks for garbage among them now and
    # then, and stops all threads for 0.2 s to 0.5 s.
    gc.freeze()


def _retrieved(ask: Retrieve, threads: TaskRunner[Any]) -> AnswerFuture:
    """Return the future of the plans of some executions. If all of them were kept, the plans need no task run."""
    executions = [execution.result() for execution in ask.executions]
    after = _after("executions", ask.executions)
    if after is None:
        return KeptAnswer([plan.retrieve(execution) for execution in executions])
    names = [execute.request.title for execute in ask.executes]
    title = names[0] if len(names) == 1 else plural(len(names), "plan")
    values = {"executions": quote(executions), "title": title, "names": quote(names)}
    return TaskRunAnswer(threads.submit(retrieve, values, dependencies=after))


def _bought(task: Any) -> bool:
    return not was_kept(task)


def _free(task: Any) -> bool:
    return False


def _as_it_is(value: Any) -> Any:
    return value


def _after(parameter: str, earlier: Sequence[Any]) -> Dependencies:
    """Return the dependency of a task run on earlier task runs, whose results are in the value of a parameter.

    Return None if all earlier results are kept answers, which have no task runs.
    """
    inputs: set[RunInput] = {TaskRunResult(id=task.task_run_id) for task in earlier if not isinstance(task, KeptAnswer)}
    return {parameter: inputs} if inputs else None


def _record(ask: PaidAsk) -> AnswerRecord:
    """Return the record of the answer that an ask needs."""
    if isinstance(ask, Propose):
        return AnswerRecord(task=ask.task, key=ask.key)
    if isinstance(ask, Draw):
        return AnswerRecord(task=ask.task, key=ask.key, goal=ask.request.goal.name)
    request = ask.request
    return AnswerRecord(
        task=ask.task,
        key=ask.key,
        candidate=request.candidate,
        goal=request.goal.name,
        replicate=request.replicate,
    )
