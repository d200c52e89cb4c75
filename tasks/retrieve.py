from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.execution import plan
from workbench.nouns import Execution, Plan


@task(task_run_name="retrieve {title}", cache_policy=NO_CACHE, persist_result=False)
def retrieve(execution: Execution, title: str) -> Plan:
    """Read the plan out of what the pipeline wrote. Costs nothing, and is done anew each time."""
    return plan.retrieve(execution)
