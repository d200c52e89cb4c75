"""The future of a task run's answer gives what Prefect's own future gives."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import State
from prefect.futures import PrefectConcurrentFuture
from prefect.results import (  # type: ignore[attr-defined]  # Prefect defines them in a private module
    ResultRecord,
    ResultRecordMetadata,
)
from prefect.serializers import JSONSerializer
from prefect.states import Completed, Failed

from workbench.errors import OutsideError
from workbench.tasks.task_run_answer import TaskRunAnswer


def finished(state: State[Any]) -> TaskRunAnswer:
    """Return the answer of a task run that has ended in this state."""
    task_run: Future[Any] = Future()
    task_run.set_result(state)
    return TaskRunAnswer(PrefectConcurrentFuture(uuid4(), task_run))


def test_an_answer_is_read_from_the_last_state() -> None:
    """The state can be read after it, without a server."""
    record = ResultRecord(result="plan", metadata=ResultRecordMetadata(storage_key="key", serializer=JSONSerializer()))
    answer = finished(Completed(data=record))
    assert answer.result() == answer.future.result() == "plan"
    assert answer.state.is_completed()


def test_a_failure_is_raised_as_prefect_raises_it() -> None:
    """The failure itself tells whether another try may help."""
    with pytest.raises(OutsideError, match="no connection"):
        finished(Failed(data=OutsideError("no connection", kind="network"))).result()


def test_an_answer_that_is_no_record_is_read_by_prefect() -> None:
    """Task runs of a cluster may send their answers in other forms."""
    assert finished(Completed(data="plan")).result() == "plan"


def test_the_end_of_a_task_run_is_told_with_its_answer() -> None:
    """The function gets the answer, and not Prefect's future."""
    ended: list[TaskRunAnswer] = []
    answer = finished(Completed(data="plan"))
    answer.add_done_callback(ended.append)
    assert ended == [answer]
