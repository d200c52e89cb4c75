"""Executions in a checkout of pipeline_ex."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.support.checkout import FakeCheckout
from workbench.execution.pipeline_ex.runtime import PipelineEx
from workbench.execution.pipeline_ex.study import CheckoutSettings
from workbench.money.meter import Meter
from workbench.nouns import Engine, Execution, ExecutionRequest, Goal, Pipeline, Target

WRITE = Target("write", "write")


def engine(fake: FakeCheckout, target: Target | None = None) -> Engine:
    return Engine("pipeline_ex", CheckoutSettings(fake.folder, target))


def executed(
    fake: FakeCheckout, folder: Path, prompt: str = "Write", target: Target | None = None, timeout: float = 60.0
) -> Execution:
    file = fake.folder / ("planner.yaml" if target else "working_genesis.yaml")
    sha = hashlib.sha256(file.read_bytes()).hexdigest()
    pipeline = Pipeline(engine(fake, target), "1", file, sha, timeout_seconds=timeout)
    folder.mkdir(parents=True)
    runtime = PipelineEx(pipeline.engine)
    try:
        request = ExecutionRequest(prompt, Goal("g", "goal", ("gold",)), 0, pipeline, ())
        return runtime.execute(request, folder, Meter())
    finally:
        runtime.close()
