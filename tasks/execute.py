from __future__ import annotations

from workbench.execution import runtimes
from workbench.nouns import Execution, ExecutionRequest
from workbench.system.home import home
from workbench.tasks.paid import paid


@paid("execute {request.title}", key=lambda given: given["request"].key)
def execute(request: ExecutionRequest) -> Execution:
    """Run the pipeline once."""
    return runtimes.execute(request, home())
