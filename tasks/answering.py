"""Answer the asks of a search with task runs. Both flows that execute a pipeline use this loop."""

from __future__ import annotations

from typing import Any

from workbench.run.folder import RunFolder
from workbench.run.record import AnswerRecord
from workbench.search.ask_kinds import Execute, Propose, Retrieve, Score
from workbench.search.asks import Asks
from workbench.tasks.execute import execute
from workbench.tasks.progress import Progress
from workbench.tasks.propose import propose
from workbench.tasks.retrieve import retrieve
from workbench.tasks.score import score
from workbench.tasks.surroundings import server_watched


def answer(asks: Asks[Any], run: RunFolder) -> None:
    """Answer every ask with a task run, as soon as the ask is ready.

    The run's folder gets the key of an answer that costs money before the answer is bought.

    `retrieve` and `score` get the future of the task before them as an input, so that Prefect shows an edge between the
    two task runs. `return_state=False` picks the overload of `submit` that takes a future.
    """
    progress = Progress()
    with server_watched(asks.interrupt):
        for ask in asks:
            progress.tell()
            if not isinstance(ask, Retrieve):
                run.append(_record(ask))
            match ask:
                case Propose():
                    asks.answer(ask, propose.submit(ask.request))
                case Execute():
                    asks.answer(ask, execute.submit(ask.request))
                case Retrieve():
                    asks.answer(ask, retrieve.submit(ask.execution, ask.title, return_state=False))
                case Score():
                    asks.answer(ask, score.submit(ask.request, ask.plan, return_state=False))


def _record(ask: Propose | Execute | Score) -> AnswerRecord:
    """Return the record of the answer that an ask needs."""
    if isinstance(ask, Propose):
        return AnswerRecord(task=ask.task, key=ask.key)
    request = ask.request
    return AnswerRecord(
        task=ask.task,
        key=ask.key,
        candidate=request.candidate,
        goal=request.goal.name,
        replicate=request.replicate,
    )
