"""The task `retrieve`: take the plan out of an execution's text."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.execution import plan
from workbench.nouns import Execution, Plan
from workbench.tasks.tags import tag_task_run


@task(task_run_name="retrieve {title}", cache_policy=NO_CACHE, persist_result=False)
def retrieve(execution: Execution, title: str) -> Plan:
    """Return the plan in the text that the pipeline wrote. This costs nothing, so every run does it again."""
    tag_task_run("retrieve")
    return plan.retrieve(execution)
