"""The task `confirm`: compare the baseline with the best prompt."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.evidence.statistics import Comparison
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder


@task(tags={"confirm"}, task_run_name="confirm", cache_policy=NO_CACHE, persist_result=False)
def confirm(run: RunFolder) -> Comparison | None:
    """Compare the two candidates on fresh trials, which no search has seen. The report shows this comparison."""
    return summarize(run).comparison
