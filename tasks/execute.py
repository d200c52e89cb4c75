from __future__ import annotations

from tasks.paid import paid
from workbench.execution import runtime
from workbench.home import home
from workbench.trial import Execution, ExecutionRequest


@paid("execute {request.title}", key=lambda given: given["request"].key)
def execute(request: ExecutionRequest) -> Execution:
    """Run the pipeline once."""
    return runtime.execute(request, home())
