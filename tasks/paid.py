"""Tasks whose answers cost money: kept under a key that says everything, tried again when the outside world fails.

Answers are whole files of readable JSON under WORKBENCH_HOME/results, one folder per task: `results/execute/KEY`.
"""

from __future__ import annotations

import functools
import json
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

#: Tries after the first, 1, 2, 4 and 8 seconds apart, each up to half as long again. A provider that is down for longer
#: stops the study, which keeps everything.
RETRIES = 4

#: What is kept, by the name under which it is. Made once: to make one of these takes longer than to use it.
ANSWERS: dict[str, TypeAdapter[Any]] = {cls.__name__: TypeAdapter(cls) for cls in (Execution, Proposal, Verdict)}


class WholeFiles(LocalFileSystem):
    """Prefect's own local storage writes in place: a crash leaves a truncated result, which is then paid for again.

    Prefect logs a result that could not be written, and goes on. Here nothing more is paid for after that.
    """

    _block_type_name = "Workbench whole files"

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> str:
        return self._write(path, content)

    def write_path(  # type: ignore[override]  # Prefect's own is a coroutine or not, by where it is called
        self, path: str, content: bytes, **_: Any
    ) -> str:
        return self._write(path, content)

    def _write(self, path: str, content: bytes) -> str:
        try:
            return str(write_atomically(self._resolve_path(path), content))
        except OSError as error:
            _unwritten.append(f"{path}: {error.strerror}")
            raise


_unwritten: list[str] = []


def _still_kept() -> None:
    if _unwritten:
        raise OutsideError(
            f"an answer that was paid for could not be kept ({_unwritten[0]}), so no more is bought: make room, and "
            "run the same command again",
            kind="storage",
            lasting=True,
        )


class Answers(Serializer):
    """Answers as JSON, which outlives a change of the classes that a pickle would not survive."""

    type: Literal["workbench-answers"] = "workbench-answers"

    def dumps(self, obj: Any) -> bytes:
        kind = type(obj).__name__
        if kind not in ANSWERS:
            # The exception of a failed run: Prefect stores it beside the run's state, never under an answer's key.
            return PickleSerializer().dumps(obj)
        return json.dumps({kind: ANSWERS[kind].dump_python(obj, mode="json")}, ensure_ascii=False).encode()

    def loads(self, blob: bytes) -> Any:
        if not blob.startswith(b"{"):
            return PickleSerializer().loads(blob)
        ((kind, value),) = json.loads(blob).items()
        return ANSWERS[kind].validate_python(value)


def paid(title: str, key: Callable[[dict[str, Any]], str]) -> Callable[[Callable[P, R]], Task[P, R]]:
    """The decorator: `title` names the task run, `key` makes the cache key of the parameters."""

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        def cache_key(context: TaskRunContext, parameters: dict[str, Any]) -> str:
            return f"{context.task.name}/{key(parameters)}"

        @functools.wraps(function)
        def buy(*args: P.args, **kwargs: P.kwargs) -> R:
            _still_kept()
            return function(*args, **kwargs)

        made: Task[P, R] = task(
            task_run_name=title,
            cache_key_fn=cache_key,
            persist_result=True,
            result_serializer=Answers(),
            retries=RETRIES,
            retry_delay_seconds=exponential_backoff(backoff_factor=1),
            retry_jitter_factor=0.5,
            retry_condition_fn=_worth_retrying,
        )(buy)
        # Not an argument above: there Prefect takes only a storage that a server has stored.
        made.result_storage = WholeFiles(basepath=str(home() / "results"))
        return made

    return decorate


def _worth_retrying(task: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Only the outside world gets another chance, and only where it may answer differently."""
    try:
        state.result()
    except OutsideError as error:
        return not error.lasting
    except Exception:
        return False
    return False
