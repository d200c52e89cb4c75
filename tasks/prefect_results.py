"""Gives Prefect the kept answers: a storage that only reads, and a serializer that writes readable JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from prefect.exceptions import MissingContextError
from prefect.filesystems import LocalFileSystem
from prefect.logging import get_run_logger
from prefect.serializers import Serializer

from workbench.errors import OutsideError
from workbench.system.storage import Folder, Storage
from workbench.tasks import answers
from workbench.tasks.answers import ADAPTERS, NoAnswer
from workbench.tasks.tags import tag_task_run


class KeptAnswers(LocalFileSystem):
    """The storage in which Prefect looks for the answer of an earlier run.

    The storage only reads, because Prefect would log a failed write and go on. The task itself writes its answer
    before Prefect calls the storage.

    Without a `basepath`, the environment of the process that executes the task run names the storage.
    """

    _block_type_name = "Workbench kept answers"

    def _storage(self) -> Storage:
        return Folder(Path(self.basepath)) if self.basepath else answers.storage()

    def _resolve_path(self, path: str) -> str:  # type: ignore[override]  # an object of a bucket has no Path
        # A symbolic link is not followed. It is replaced by a file if its answer is bought again.
        return self._storage().place("/".join(Path(path or "").parts[-2:]))

    def read_path(  # type: ignore[override]  # Prefect's own method may return a coroutine
        self, path: str, **_: Any
    ) -> bytes:
        place = self._resolve_path(path)
        task, key = Path(path).parts[-2:]
        try:
            answer = answers.read(self._storage(), task, key)
        except NoAnswer as error:
            _warn(f"{place} is not used, and its answer is bought again: {error}")
            raise
        if answer is None:
            raise FileNotFoundError(path)
        tag_task_run("cached")
        return _as_prefect(place, answer)

    async def aread_path(self, path: str, **_: Any) -> bytes:
        return self.read_path(path)

    def write_path(  # type: ignore[override]  # Prefect's own method may return a coroutine
        self, path: str, content: bytes, **_: Any
    ) -> str:
        return self._resolve_path(path)

    async def awrite_path(self, path: str, content: bytes, **_: Any) -> str:
        return self._resolve_path(path)


class Answers(Serializer):
    """Write answers as JSON, and every other value as its description. Reading never executes anything."""

    type: Literal["workbench-answers"] = "workbench-answers"

    def dumps(self, obj: Any) -> bytes:
        kind = type(obj).__name__
        if kind not in ADAPTERS:
            # This is the exception of a failed run. Only people read it.
            return json.dumps({kind: str(obj)}).encode()
        return answers.to_json(obj).encode()

    def loads(self, blob: bytes) -> Any:
        kind, value = answers.only_item(blob)
        if kind not in ADAPTERS:
            return OutsideError(f"{kind}: {value}", kind=kind)
        return ADAPTERS[kind].validate_python(value)


def _as_prefect(place: str, answer: Any) -> bytes:
    """Return an answer as the record that Prefect reads."""
    serializer = Answers()
    metadata = {"storage_key": place, "serializer": {"type": serializer.type}}
    return json.dumps({"metadata": metadata, "result": serializer.dumps(answer).decode()}).encode()


def _warn(line: str) -> None:
    """Print a line on standard error, and log it as a warning of the task run if there is one."""
    print(line, file=sys.stderr)
    log: Callable[[str], None]
    try:
        log = get_run_logger().warning
    except MissingContextError:
        return
    log(line)
