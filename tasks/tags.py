"""Tags a task run while it runs.

Before a task run with tags begins, Prefect asks the server whether a concurrency limit exists for one of the tags. That
is one request for each task run. A tag that is added later costs no request: the run's last state carries it.
"""

from __future__ import annotations

from prefect.context import TaskRunContext


def tag_task_run(tag: str) -> None:
    """Add a tag to the task run of this thread, if there is one."""
    context = TaskRunContext.get()
    if context is not None and tag not in context.task_run.tags:
        context.task_run.tags.append(tag)
