"""The decorator `paid` for tasks whose answers cost money.

An answer is kept under a key that holds everything the answer depends on, so nothing is paid for twice
(`workbench.tasks.answers`). A call is tried again if the outside world fails.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.tasks import exponential_backoff

from workbench.errors import OutsideError
from workbench.system import process
from workbench.tasks import answers, prefect_results, worker
from workbench.tasks.failure import scrubbed_failure
from workbench.tasks.tags import tag_task_run

P = ParamSpec("P")
R = TypeVar("R")

#: How many times a failed call is tried again. The pauses are 1, 2, 4 and 8 seconds, and each pause gets up to
#: 50 % longer at random. If the provider asks for a wait, the wait comes before the pause. If a provider is down for
#: a longer time, the study stops. Its answers are kept.
RETRIES = 4


def paid(title: str, key: Callable[[dict[str, Any]], str]) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return a decorator that makes a task of a function whose answer costs money.

    The function's name is the task's name, and `workbench.tasks.answers.ANSWERS` holds the type of its answers.

    Args:
        title: the template of the task run's name.
        key: returns the cache key for the parameters of a call.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        name = function.__name__

        def cache_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
            tag_task_run(name)
            return f"{name}/{key(parameters)}"

        paid_task: Task[P, R] = task(
            task_run_name=title,
            cache_key_fn=cache_key,
            persist_result=True,
            result_serializer=prefect_results.Answers(),
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(backoff_factor=1),
            retry_jitter_factor=0.5,
            retry_condition_fn=_worth_retrying,
        )(_buying(function, key))
        # The storage is set here, because `task` accepts only a storage that is saved on a server.
        paid_task.result_storage = prefect_results.KeptAnswers()
        return paid_task

    return decorate


def _buying(function: Callable[P, R], key: Callable[[dict[str, Any]], str]) -> Callable[P, R]:
    """Return a function that returns the kept answer, or else calls `function` and keeps its answer."""
    name = function.__name__

    @functools.wraps(function)
    def buy(*args: P.args, **kwargs: P.kwargs) -> R:
        parameters = inspect.signature(function).bind(*args, **kwargs).arguments
        try:
            results, answer_key = answers.storage(), key(parameters)
            with worker.at_work(parameters["request"], name, answer_key) as kept:
                if kept is not None:
                    return cast("R", kept)
                answers.check_storage(results, name, answer_key)
                answer = function(*args, **kwargs)
                answers.write(results, name, answer_key, answer)
        except Exception as error:
            failure = scrubbed_failure(error, os.environ)
        else:
            return answer
        # Prefect sends tracebacks to its database. Raised here, the failure has no exception as its context.
        raise failure

    return buy


def _worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return True if the outside world failed, and may answer differently at the next try."""
    try:
        state.result()
    except OutsideError as error:
        # Prefect's pauses are fixed when the task is defined. So the wait that the provider asks for happens here.
        return not error.lasting and not process.interrupted_within(error.wait_seconds)
    except Exception:
        return False
    return False
