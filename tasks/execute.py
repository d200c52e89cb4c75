"""The task `execute`: run the pipeline, which costs money."""

from __future__ import annotations

from workbench.execution import runtimes
from workbench.nouns import Execution, ExecutionRequest
from workbench.system.home import home
from workbench.tasks.paid import paid


@paid("execute {request.title}", key=lambda parameters: parameters["request"].key)
def execute(request: ExecutionRequest) -> Execution:
    """Run the pipeline once, and return the text that it wrote."""
    return runtimes.execute(request, home())
