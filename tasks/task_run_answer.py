"""The future of a task run's answer, which is quick to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.results import ResultRecord  # type: ignore[attr-defined]  # Prefect defines it in a private module


class TaskRunAnswer:
    """The future of the answer of a task run. It answers an ask (`workbench.search.ask_kinds.AnswerFuture`).

    `PrefectFuture.result` sends a coroutine to another thread for every reading. That takes the flow's thread several
    milliseconds while many task runs begin and end, and the flow reads each answer more than once.

    Attributes:
        future: Prefect's future of the task run.
    """

    def __init__(self, future: PrefectFuture[Any]) -> None:
        self.future = future

    @property
    def task_run_id(self) -> UUID:
        return self.future.task_run_id

    @property
    def state(self) -> State[Any]:
        """Return the state of the task run. It is the last one if `result` was called before."""
        return self.future.state

    def result(self) -> Any:
        """Wait for the end of the task run, and return its answer, or raise its failure."""
        self.future.wait()
        state = self.future.state
        if state.is_completed() and isinstance(state.data, ResultRecord):
            return state.data.result
        return self.future.result()

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        self.future.add_done_callback(lambda _: fn(self))
