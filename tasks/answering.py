"""Answer the asks of a search with kept answers and task runs. Every flow that asks a model uses this loop."""

from __future__ import annotations

from typing import Any

from prefect.client.schemas.objects import RunInput, TaskRunResult
from prefect.futures import PrefectFuture
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from workbench.nouns import Plan
from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord
from workbench.search.ask_kinds import AnswerFuture, Draw, Execute, Propose, Retrieve, Score
from workbench.search.asks import Asks
from workbench.tasks import runners, worker
from workbench.tasks.draw import draw
from workbench.tasks.execute import execute
from workbench.tasks.progress import Progress
from workbench.tasks.propose import propose
from workbench.tasks.retrieve import retrieve
from workbench.tasks.reuse import KeptAnswer, ReusedAnswers
from workbench.tasks.score import score
from workbench.tasks.surroundings import server_watched


def answer(asks: Asks[Any], run: RunFolder, runner: TaskRunner[Any]) -> list[PrefectFuture[Any]]:
    """Answer every ask as soon as it is ready: with its kept answer, or else with a task run.

    What costs money is submitted to `runner`, which may be a cluster. `retrieve` always runs in this process, because
    it takes less time than sending the execution to another process.

    The key of an answer that costs money is written into the run's folder before the answer is bought.

    `retrieve` and `score` get the id of the earlier task run as a dependency, so that Prefect shows an edge between the
    two task runs. Values for a task run in this process are quoted. Otherwise Prefect would look into each value for
    results of task runs, and would draw wrong edges, because it recognises results by their place in memory. Values for
    a cluster are not quoted, because Dask takes a quoted value apart.

    Returns:
        The task runs of all verdicts.
    """
    wrap = quote if isinstance(runner, ThreadPoolTaskRunner) else _as_it_is
    progress, records, reused, threads = Progress(), worker.SentRecords(run), ReusedAnswers(), runners.local()
    with server_watched(asks.interrupt), records:
        for ask in asks:
            progress.report()
            records.take_in()
            if isinstance(ask, Retrieve):
                asks.answer(ask, _retrieved(ask, threads))
                continue
            run.append(_record(ask))
            if (kept := reused.look_up(ask)) is not None:
                asks.answer(ask, kept, bought=False)
                continue
            reused.show()
            match ask:
                case Propose():
                    asks.answer(ask, runner.submit(propose, {"request": wrap(ask.request)}))
                case Draw():
                    asks.answer(ask, runner.submit(draw, {"request": wrap(ask.request)}))
                case Execute():
                    asks.answer(ask, runner.submit(execute, {"request": wrap(ask.request)}))
                case Score():
                    plan, after = _plan_of(ask)
                    values = {"request": wrap(ask.request), "plan": wrap(plan)}
                    # The judge's model is not called for an invalid plan.
                    asks.answer(ask, runner.submit(score, values, dependencies=after), bought=plan.ok)
        reused.show(now=True)
    return [*(task for task in asks.verdicts if isinstance(task, PrefectFuture)), *reused.verdicts]


def _retrieved(ask: Retrieve, threads: TaskRunner[Any]) -> AnswerFuture:
    """Return the future of an execution's plan. If the execution was kept, its plan needs no task run."""
    execution = ask.execution.result()
    if isinstance(ask.execution, KeptAnswer):
        return KeptAnswer(retrieve.fn(execution, ask.title))
    values = {"execution": quote(execution), "title": ask.title}
    future: AnswerFuture = threads.submit(retrieve, values, dependencies=_after("execution", ask.execution))
    return future


def _as_it_is(value: Any) -> Any:
    return value


def _plan_of(ask: Score) -> tuple[Plan, dict[str, set[RunInput]] | None]:
    """Return the plan to score, and the dependency on its retrieval if the plan was retrieved."""
    if isinstance(ask.plan, Plan):
        return ask.plan, None
    return ask.plan.result(), _after("plan", ask.plan)


def _after(parameter: str, earlier: Any) -> dict[str, set[RunInput]] | None:
    """Return the dependency of a task run on an earlier task run, whose result is the value of a parameter.

    Return None if the earlier result is a kept answer, which has no task run.
    """
    if isinstance(earlier, KeptAnswer):
        return None
    return {parameter: {TaskRunResult(id=earlier.task_run_id)}}


def _record(ask: Propose | Execute | Score | Draw) -> AnswerRecord:
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
