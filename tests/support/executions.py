"""Requests for executions of the shipped Genesis pipeline, for tests of the runtimes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from workbench.execution.own.project import SHIPPED_PIPELINE
from workbench.nouns import Engine, ExecutionRequest, Goal, Pipeline
from workbench.provider_table import GENERATING
from workbench.providers import Provider, rehearsal
from workbench.rehearsal.server import Rehearsal

GOAL = Goal("g", "goal", ("gold",))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def request(
    engine: Engine, providers: tuple[Provider, ...], prompt: str = "Write a plan", **changes: Any
) -> ExecutionRequest:
    """Return a request for an execution. `changes` are attributes of the pipeline."""
    file = changes.pop("file", SHIPPED_PIPELINE)
    assert isinstance(file, Path)
    pipeline = Pipeline(engine, "1", file, sha256(file), **changes)
    return ExecutionRequest(prompt, GOAL, 4, pipeline, providers)


def both(running: Rehearsal) -> tuple[Provider, ...]:
    """Return the providers that a pipeline's steps may call, played by a rehearsal."""
    providers = rehearsal(running.url, running.world, running.seed)
    return tuple(providers[name] for name in GENERATING)
