"""The decorator `paid` for tasks whose answers cost money.

An answer is kept under a key that holds everything the answer depends on, so nothing is paid for twice. A call is tried
again if the outside world fails. Answers are files of readable JSON under WORKBENCH_HOME/results, with one folder for
each task: `results/execute/KEY`. A file is written whole or not at all.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from typing import Any, Literal, ParamSpec, TypeVar

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import TaskRunContext
from prefect.filesystems import LocalFileSystem
from prefect.serializers import PickleSerializer, Serializer
from prefect.tasks import exponential_backoff
from pydantic import TypeAdapter

from workbench.errors import OutsideError
from workbench.nouns import Execution, Verdict
from workbench.search.proposal import Proposal
from workbench.system.files import write_atomically
from workbench.system.home import home

P = ParamSpec("P")
R = TypeVar("R")

#: How many times a failed call is tried again. The pauses are 1, 2, 4 and 8 seconds, and each pause gets up to
#: 50 % longer at random. A wait that the provider told comes before the pause. If a provider is down for a longer time,
#: the study stops. Its answers are kept.
RETRIES = 4

#: The types of the kept answers, by class name. The adapters are made once: making one takes longer than using it.
ANSWERS: dict[str, TypeAdapter[Any]] = {cls.__name__: TypeAdapter(cls) for cls in (Execution, Proposal, Verdict)}


class WholeFiles(LocalFileSystem):
    """A local storage that writes each file whole or not at all.

    Prefect's own local storage writes in place. A crash leaves a truncated result, and the answer is paid for again.
    If Prefect cannot write a result, it logs the error and goes on. This storage remembers the error, so that no task
    buys anything afterwards.
    """

    _block_type_name = "Workbench whole files"

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> str:
        return self._write(path, content)

    def write_path(  # type: ignore[override]  # Prefect's own method is a coroutine if a coroutine calls it
        self, path: str, content: bytes, **_: Any
    ) -> str:
        return self._write(path, content)

    def _write(self, path: str, content: bytes) -> str:
        try:
            return str(write_atomically(self._resolve_path(path), content))
        except OSError as error:
            _unwritten.append(f"{path}: {error.strerror}")
            raise


#: Files that could not be written, each with the reason.
_unwritten: list[str] = []


def _check_storage() -> None:
    """Check that every paid answer could be kept.

    Raises:
        OutsideError: an answer could not be written.
    """
    if _unwritten:
        raise OutsideError(
            f"a paid answer could not be written ({_unwritten[0]}); expected a writable folder with free space; "
            "nothing more is bought, so make room and run the same command again",
            kind="storage",
            lasting=True,
        )


class Answers(Serializer):
    """Write answers as JSON. JSON can still be read after a change of the classes, and a pickle cannot."""

    type: Literal["workbench-answers"] = "workbench-answers"

    def dumps(self, obj: Any) -> bytes:
        kind = type(obj).__name__
        if kind not in ANSWERS:
            # This is the exception of a failed run. Prefect keeps it with the run's state, never under an answer's key.
            return PickleSerializer().dumps(obj)
        return json.dumps({kind: ANSWERS[kind].dump_python(obj, mode="json")}, ensure_ascii=False).encode()

    def loads(self, blob: bytes) -> Any:
        if not blob.startswith(b"{"):
            return PickleSerializer().loads(blob)
        ((kind, value),) = json.loads(blob).items()
        return ANSWERS[kind].validate_python(value)


def paid(title: str, key: Callable[[dict[str, Any]], str]) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return a decorator that makes a task of a function whose answer costs money.

    Args:
        title: the template of the task run's name.
        key: returns the cache key for the parameters of a call.
    """

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        def cache_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
            return f"{context.task.name}/{key(parameters)}"

        @functools.wraps(function)
        def buy(*args: P.args, **kwargs: P.kwargs) -> R:
            _check_storage()
            return function(*args, **kwargs)

        paid_task: Task[P, R] = task(
            task_run_name=title,
            cache_key_fn=cache_key,
            persist_result=True,
            result_serializer=Answers(),
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(backoff_factor=1),
            retry_jitter_factor=0.5,
            retry_condition_fn=_worth_retrying,
        )(buy)
        # The storage is set here, because `task` accepts only a storage that is saved on a server.
        paid_task.result_storage = WholeFiles(basepath=str(home() / "results"))
        return paid_task

    return decorate


def _worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Return True if the outside world failed, and may answer differently at the next try."""
    try:
        state.result()
    except OutsideError as error:
        if not error.lasting:
            # Prefect's pauses are fixed when the task is defined, so the wait that the provider told is kept here.
            time.sleep(error.wait_seconds)
        return not error.lasting
    except Exception:
        return False
    return False
