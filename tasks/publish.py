"""Show a run in the Prefect UI as one markdown artifact, and write the report (the task `publish`).

The artifact is created early and updated while the run goes on.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any, Self, cast
from uuid import UUID

import httpx
from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate

from workbench.errors import ServerUnavailable
from workbench.evidence.report import markdown
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder

#: The shortest time between two updates while a run goes on.
PAUSE_SECONDS = 5.0


class RunArtifact:
    """The artifact of one run. Use it in the flow's thread only.

    It is a context manager around all work on the run. When the block ends, the artifact shows how the run ended: with
    a result, by a failure or by an interrupt.
    """

    def __init__(self) -> None:
        self._run: RunFolder | None = None
        self._artifact: UUID | None = None
        self._updated_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # A server that does not answer shows nothing, and each request to it takes seconds.
        if kind is None or not issubclass(kind, ServerUnavailable):
            self.refresh(now=True)

    def show(self, run: RunFolder) -> None:
        """Choose the run that the artifact shows."""
        self._run = run

    def refresh(self, *, now: bool = False) -> None:
        """Update the artifact, unless the last update was less than `PAUSE_SECONDS` ago. `now` forces the update."""
        if self._run is None or (not now and time.monotonic() - self._updated_at < PAUSE_SECONDS):
            return
        text = markdown(summarize(self._run))
        # A failed update is ignored, because the artifact is only for display. `server_watched` notices a dead server.
        with suppress(httpx.HTTPError):
            if self._artifact is None:
                artifact = create_markdown_artifact(text, key=_key(self._run), description="The run at a glance")
                self._artifact = cast("UUID", artifact)  # a coroutine only if a coroutine calls the function
            else:
                with get_client(sync_client=True) as client:
                    client.update_artifact(self._artifact, ArtifactUpdate(data=text))
        self._updated_at = time.monotonic()


@task(tags={"publish"}, task_run_name="publish", cache_policy=NO_CACHE, persist_result=False)
def publish(run: RunFolder, comparison: object) -> dict[str, Any]:
    """Write report.json, and return the same report. `workbench run --json` writes it, too.

    Args:
        comparison: the result of the task `confirm`. It is not read. It makes Prefect show the edge between the tasks.
    """
    report = ReportRecord.of(summarize(run))
    run.save(report)
    return report.to_json()


def _key(run: RunFolder) -> str:
    """Return the run's name in the letters that Prefect allows in an artifact's key."""
    return "".join(letter if letter.isalnum() else "-" for letter in run.name.lower())
