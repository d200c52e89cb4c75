"""What a run looks like in the Prefect UI: one markdown artifact, made early and updated while the run goes on."""

from __future__ import annotations

import time
from typing import Any, cast
from uuid import UUID

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from workbench.evidence.report import markdown
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder

#: Seconds between two updates while a run goes on.
PAUSE = 5.0


class Glance:
    """The run's artifact. Called from the flow's thread only."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._artifact: UUID | None = None
        self._shown = 0.0

    def refresh(self, *_: Any, now: bool = False) -> None:
        """Show how the run stands, unless that was done a moment ago."""
        if not now and time.monotonic() - self._shown < PAUSE:
            return
        text = markdown(summarize(self._run))
        if self._artifact is None:
            made = create_markdown_artifact(text, key=_key(self._run), description="The run at a glance")
            self._artifact = cast("UUID", made)  # a coroutine only where it is called from one
        else:
            with get_client(sync_client=True) as client:
                client.update_artifact(self._artifact, ArtifactUpdate(data=text))
        self._shown = time.monotonic()


@task(task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(run: RunFolder, comparison: object) -> dict[str, Any]:
    """Write report.json, as the command line's --json gives it. `comparison` is the edge to what it rests on."""
    report = ReportRecord.of(summarize(run))
    run.save(report)
    return report.to_json()


def _key(run: RunFolder) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in run.name.lower())
