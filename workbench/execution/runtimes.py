"""Lists the runtimes by name, and executes a request with the runtime of its study."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from workbench.execution.command import Command
from workbench.execution.own import project
from workbench.execution.own.mix import Mix
from workbench.execution.own.serve import Serve
from workbench.execution.pipeline_ex.runtime import PipelineEx
from workbench.execution.runtime import Runtime
from workbench.foreign_text import storable
from workbench.nouns import Engine, Execution, ExecutionRequest, Pipeline
from workbench.run import journal
from workbench.system.files import naming

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
        BudgetUsedUp: the run's budget in dollars does not allow another execution.
    """
    runtime = runtime_of(request.pipeline.engine)
    with journal.attempt(request.run, "execute", request.key) as meter:
        largest = largest_cost(request.pipeline, request.prompt) if meter.budgeted else None
        with meter.call(f"runtime: {request.pipeline.engine.name}", largest):
            folder = _new_folder(home / "executions" / request.key)
            with naming(folder):
                (folder / "prompt.md").write_text(request.prompt, encoding="utf-8")
                execution = runtime.execute(request, folder, meter)
    for asked_model, answering_model in meter.other_models:
        journal.note_other_model(request.run, "execute", request.key, asked_model, answering_model)
    other_models = ", ".join(dict.fromkeys(answering_model for _, answering_model in meter.other_models))
    return replace(
        execution,
        text=storable(execution.text),
        problem=None if execution.problem is None else storable(execution.problem),
        cost=meter.cost,
        other_model=other_models or None,
    )


def largest_cost(pipeline: Pipeline, prompt: str) -> float | None:
    """Return the most dollars that one execution can cost. None if that is not known before the execution."""
    runtime = runtime_of(pipeline.engine)
    if runtime.tells_cost(pipeline) != "before":
        return None
    size = len(prompt.encode("utf-8", "surrogatepass"))
    costs = [calls.largest_cost(size) for calls in runtime.model_calls(pipeline)]
    return None if None in costs else sum(cost for cost in costs if cost is not None)


def _new_folder(parent: Path) -> Path:
    """Create and return the first folder of `parent/1`, `parent/2`, … that does not exist yet."""
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
