"""The seam between Workbench and what executes pipelines: a Protocol and a dict literal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from workbench.execution.own.mix import Mix
from workbench.execution.own.serve import Serve
from workbench.execution.pipeline_ex.runtime import PipelineEx
from workbench.nouns import Engine, Execution, ExecutionRequest
from workbench.run import journal


class Runtime(Protocol):
    """Executes pipelines. A new one is a class with these four, and a line below."""

    def version(self) -> str:
        """What stands for this runtime in an execution's key: another version may write other plans."""
        ...

    def prepare(self) -> None:
        """Whatever is done once, before a study's first execution: compile, look for programs. `close` ends it.

        Raises:
            ExecutionFailed: nothing can be executed here, and what to do about it.
        """
        ...

    def execute(self, request: ExecutionRequest, folder: Path) -> Execution:
        """Run the pipeline once; `folder` is its own, new and empty.

        Raises:
            ExecutionFailed: the system is to blame.
            PipelineRejected: the pipeline file or an input is.
        """
        ...

    def close(self) -> None:
        """Let go of what is kept warm, with the last study of this process that had prepared it."""
        ...


RUNTIMES: dict[str, Callable[[Engine], Runtime]] = {"mix": Mix, "serve": Serve, "pipeline_ex": PipelineEx}

_made: dict[Engine, Runtime] = {}
_making = threading.Lock()


def runtime_of(engine: Engine) -> Runtime:
    """The one that this process has for an engine: what it keeps warm is shared by all threads."""
    with _making:
        if engine not in _made:
            _made[engine] = RUNTIMES[engine.name](engine)
        return _made[engine]


def execute(request: ExecutionRequest, home: Path) -> Execution:
    """Execute in a folder of its own, which keeps prompt, plan and logs: `executions/KEY/1`, 2 for a second try, …"""
    with journal.attempt(request.run, "execute", request.key):
        folder = _folder(home / "executions" / request.key)
        (folder / "prompt.md").write_text(request.prompt, encoding="utf-8")
        return runtime_of(request.pipeline.engine).execute(request, folder)


def _folder(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / str(number)
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
