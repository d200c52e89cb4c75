"""Lists the runtimes by name, and executes a request with the runtime of its study."""

from __future__ import annotations

import threading
from pathlib import Path

from workbench.execution.command import Command
from workbench.execution.own import project
from workbench.execution.own.mix import Mix
from workbench.execution.own.serve import Serve
from workbench.execution.pipeline_ex.runtime import PipelineEx
from workbench.execution.runtime import Runtime
from workbench.nouns import Engine, Execution, ExecutionRequest
from workbench.run import journal

#: The runtime of a study that names none, and the pipeline that comes with it: `workbench init` copies it.
DEFAULT_RUNTIME = "mix"
SHIPPED_PIPELINE = project.SHIPPED_PIPELINE

RUNTIMES: dict[str, type[Runtime]] = {"mix": Mix, "serve": Serve, "pipeline_ex": PipelineEx, "command": Command}

_runtimes: dict[Engine, Runtime] = {}
_lock = threading.Lock()


def runtime_of(engine: Engine) -> Runtime:
    """Return this process's runtime for an engine. All threads share what it keeps warm."""
    with _lock:
        if engine not in _runtimes:
            _runtimes[engine] = RUNTIMES[engine.name](engine)
        return _runtimes[engine]


def execute(request: ExecutionRequest, home: Path) -> Execution:
    """Execute a request in a new folder with its prompt, plan and logs: `executions/KEY/1`, then `executions/KEY/2`, …

    Raises:
        ExecutionFailed, PipelineRejected: as `Runtime.execute`.
    """
    with journal.attempt(request.run, "execute", request.key):
        folder = _new_folder(home / "executions" / request.key)
        (folder / "prompt.md").write_text(request.prompt, encoding="utf-8")
        return runtime_of(request.pipeline.engine).execute(request, folder)


def _new_folder(parent: Path) -> Path:
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
