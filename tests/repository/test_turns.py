"""Tests of turns: one run at a time works on a study, and only the newest of several commits is executed."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

from workbench.repository.turns import turn

HISTORY = ["a", "b", "c"]


def is_ancestor(old: str, new: str) -> bool:
    return HISTORY.index(old) <= HISTORY.index(new)


class Runs:
    """Runs that wait for the turn of one study."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.skipped: dict[str, str | None] = {}
        self.lines: list[str] = []

    def start(self, commit: str | None, patience: float = 30.0) -> threading.Thread:
        """Start a run, and return its thread."""
        thread = threading.Thread(target=self._run, args=(commit, patience))
        thread.start()
        return thread

    def _run(self, commit: str | None, patience: float) -> None:
        with self.turn(commit, patience) as why:
            self.skipped[str(commit)] = why

    def turn(self, commit: str | None, patience: float = 30.0) -> object:
        return turn(self.home, "study", commit, is_ancestor, say=self.lines.append, patience=patience, poll=0.02)


def wait_for_lines(runs: Runs, number: int) -> None:
    deadline = time.monotonic() + 20
    while len(runs.lines) < number and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(runs.lines) == number


def test_of_several_waiting_commits_only_the_newest_has_its_turn(tmp_path: Path) -> None:
    """The order of the arrivals does not matter. The others say which commit is newer."""
    runs = Runs(tmp_path)
    with ExitStack() as held:
        assert held.enter_context(runs.turn("a")) is None  # type: ignore[arg-type]
        threads = [runs.start("c")]
        wait_for_lines(runs, 1)
        threads += [runs.start("b"), runs.start(None)]
        threads[1].join(20)
    for thread in threads:
        thread.join(20)
    assert runs.skipped == {"b": "the newer commit c waits for its turn, too", "c": None, "None": None}
    assert "Another run works on study" in runs.lines[0]


def test_a_run_that_waited_too_long_is_skipped(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with ExitStack() as held:
        held.enter_context(runs.turn(None))  # type: ignore[arg-type]
        runs.start("a", patience=0.1).join(20)
    assert str(runs.skipped["a"]).startswith("another run has worked on study for more than ")


def test_a_run_that_need_not_wait_is_executed_whatever_came_before(tmp_path: Path) -> None:
    """A person may check an older commit again."""
    runs = Runs(tmp_path)
    for commit in ("c", "a"):
        runs.start(commit).join(20)
    assert runs.skipped == {"c": None, "a": None}
    assert list((tmp_path / "locks").iterdir()) == []
