"""Requests for executions of the Genesis pipeline, for tests of the runtimes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from workbench.execution.elixir import RUNTIME
from workbench.providers import Provider, rehearsal
from workbench.rehearsal.server import Rehearsal
from workbench.trial import Engine, ExecutionRequest, Goal, Pipeline

GENESIS = RUNTIME / "priv" / "pipelines" / "genesis.yaml"
GOAL = Goal("g", "goal", ("gold",))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def request(
    engine: Engine, providers: tuple[Provider, ...], prompt: str = "Write a plan", **changes: object
) -> ExecutionRequest:
    file = changes.pop("file", GENESIS)
    assert isinstance(file, Path)
    pipeline = Pipeline(engine, "1", file, sha256(file), **changes)  # type: ignore[arg-type]
    return ExecutionRequest(prompt, GOAL, 4, pipeline, providers)


def both(running: Rehearsal) -> tuple[Provider, ...]:
    return tuple(rehearsal(running.url, running.world, running.seed).values())
