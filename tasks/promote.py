"""The task `promote`: make the best prompt of a run the champion of its study."""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from workbench.champion import promotion
from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.run.folder import RunFolder


@task(tags={"promote"}, task_run_name="promote", cache_policy=NO_CACHE, persist_result=False)
def promote(run: RunFolder, champions: Champions) -> Champion:
    """Promote the best prompt of a run, and return the new champion.

    Raises:
        UserError: the prompt cannot be promoted. Nobody forces a promotion here, so the prompt must be better.
    """
    return promotion.promote(run, champions)
