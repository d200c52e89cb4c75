"""Reuse kept answers: one task run shows many of them in the Prefect UI (the task `reuse`).

A task run takes many times as long as reading a kept answer. So a kept answer gets no task run of its own. The flow
reads it, and `ReusedAnswers` shows the answers in batches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.settings import get_current_settings

from workbench.evidence.words import plural
from workbench.search.ask_kinds import PaidAsk
from workbench.system.storage import Folder
from workbench.tasks import answers
from workbench.tasks.tags import tag_task_run

#: The shortest time between two batches while a run goes on, in seconds.
PAUSE_SECONDS = 5.0

#: The noun for the answers of each task.
NOUNS = {"propose": "proposal", "execute": "execution", "score": "verdict", "draw": "drawing"}


class KeptAnswer:
    """The future of an answer that needs no task run: it was kept, or it was made from a kept answer."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value

    def add_done_callback(self, fn: Callable[[Any], None]) -> None:
        fn(self)


def was_kept(task: Any) -> bool:
    """Return True if the answer of a finished task was kept. The flow has read it, or the task run itself has."""
    return isinstance(task, KeptAnswer) or task.state.name == "Cached"


@task(task_run_name="reuse {title}", cache_policy=NO_CACHE, persist_result=False)
def reuse(kind: str, title: str, names: list[str]) -> None:
    """Log the names of the kept answers of one kind. The flow has read these answers already."""
    tag_task_run("cached")
    tag_task_run(kind)
    get_run_logger().info("\n".join([f"Earlier runs have paid for {title}:", *names]))


class ReusedAnswers:
    """The kept answers that a flow reuses. Use it in the flow's thread only."""

    def __init__(self) -> None:
        # Looking for an answer in a bucket takes a request. Task runs can make these requests at the same time, but the
        # flow cannot. So task runs look for the answers in a bucket.
        storage = answers.storage()
        refreshing = get_current_settings().tasks.refresh_cache
        self._folder = storage if isinstance(storage, Folder) and not refreshing else None
        #: The names of the answers that no task run shows yet, by task.
        self._names: dict[str, list[str]] = {}
        self._shown_at = -PAUSE_SECONDS
        #: The task runs that show kept verdicts.
        self.verdicts: list[PrefectFuture[None]] = []

    def look_up(self, ask: PaidAsk) -> KeptAnswer | None:
        """Return the kept answer of an ask, or None if a task run has to answer the ask.

        A file that cannot be used is left to the task run, which warns and buys the answer again.
        """
        if self._folder is None:
            return None
        try:
            answer = answers.read(self._folder, ask.task, ask.key)
        except answers.NoAnswer:
            return None
        if answer is None:
            return None
        self._names.setdefault(ask.task, []).append(ask.request.title)
        return KeptAnswer(answer)

    def show(self, *, now: bool = False) -> None:
        """Submit the task runs for new kept answers, unless the last batch is less than `PAUSE_SECONDS` old."""
        if not self._names or (not now and time.monotonic() - self._shown_at < PAUSE_SECONDS):
            return
        self._shown_at = time.monotonic()
        for kind, names in self._names.items():
            run = reuse.submit(kind, plural(len(names), NOUNS[kind]), names)
            if kind == "score":
                self.verdicts.append(run)
        self._names = {}
