"""The task `retrieve`: take the plans out of the texts of executions."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger

from workbench.execution import plan
from workbench.nouns import Execution, Plan
from workbench.tasks.tags import tag_task_run


@task(task_run_name="retrieve {title}", cache_policy=NO_CACHE, persist_result=False)
def retrieve(executions: list[Execution], title: str, names: list[str]) -> list[Plan]:
    """Return the plan in each text that the pipeline wrote. This costs nothing, so every run does it again.

    Args:
        names: the titles of the executions. They are logged if there are several.
    """
    tag_task_run("retrieve")
    if len(names) > 1:
        get_run_logger().info("\n".join([f"Retrieves {title}:", *names]))
    return [plan.retrieve(execution) for execution in executions]
