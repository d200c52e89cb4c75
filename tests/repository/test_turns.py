"""Tests of turns: one run at a time works on a study, and a run for a newer commit takes the places of others."""

from __future__ import annotations

import threading
import time
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

import pytest

from workbench.repository.turns import Turn, turn

HISTORY = ["a", "b", "c"]
#: The longest wait for another thread, in seconds. A busy machine may need long.
PATIENCE = 100.0


def is_ancestor(old: str, new: str) -> bool:
    return HISTORY.index(old) <= HISTORY.index(new)


class Runs:
    """Runs that wait for the turn of one study."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.skipped: dict[str, str | None] = {}
        self.lines: list[str] = []
        #: A run that has to wait does not look again until this is set.
        self.may_look_again = threading.Event()
        self.may_look_again.set()
        #: Counts the looks of the waiting runs. At its first look, a run sees only whether it has to wait.
        self.looks = threading.Semaphore(0)

    def start(self, commit: str | None, patience: float = 300.0, *, search: bool = False) -> threading.Thread:
        """Start a run, and return its thread."""
        thread = threading.Thread(target=self._run, args=(commit, patience, search))
        thread.start()
        return thread

    def _run(self, commit: str | None, patience: float, search: bool) -> None:
        with self.turn(commit, patience, search=search) as taken:
            self.skipped[f"search {commit}" if search else str(commit)] = taken.skipped

    def turn(
        self, commit: str | None, patience: float = 300.0, *, search: bool = False
    ) -> AbstractContextManager[Turn]:
        return turn(
            self.home,
            "study",
            commit,
            is_ancestor,
            say=self._say,
            waits=self.looks.release,
            patience=patience,
            poll=0.02,
            search=search,
        )

    def _say(self, line: str) -> None:
        self.lines.append(line)
        assert self.may_look_again.wait(PATIENCE)


def wait_for_lines(runs: Runs, number: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(runs.lines) < number and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(runs.lines) == number


def test_of_several_waiting_commits_only_the_newest_has_its_turn(tmp_path: Path) -> None:
    """The order of the arrivals does not matter. The others say which commit is newer."""
    runs = Runs(tmp_path)
    with ExitStack() as held:
        assert held.enter_context(runs.turn("a")).skipped is None
        threads = [runs.start("c")]
        wait_for_lines(runs, 1)
        threads += [runs.start("b"), runs.start(None)]
        threads[1].join(PATIENCE)
    for thread in threads:
        thread.join(PATIENCE)
    assert runs.skipped == {"b": "the newer commit c takes its place", "c": None, "None": None}
    assert "Another run works on study" in runs.lines[0]


def test_a_newer_commit_whose_run_has_died_takes_no_turn(tmp_path: Path) -> None:
    """Nobody would execute the newest commit then. The same is true of a newer commit that was executed before."""
    runs = Runs(tmp_path)
    runs.start("c").join(PATIENCE)
    with ExitStack() as held:
        assert held.enter_context(runs.turn("a")).skipped is None
        thread = runs.start("b")
        wait_for_lines(runs, 1)
        (folder,) = (tmp_path / "turns").iterdir()
        # The kernel has released the lock of the run that was killed. Its file is left.
        died = folder / f"{time.time_ns():020d}-died"
        died.write_text("c")
        while died.exists():
            time.sleep(0.01)
    thread.join(PATIENCE)
    assert runs.skipped == {"c": None, "b": None}


def test_an_older_commit_is_not_executed_after_a_newer_one_that_came_and_ended_meanwhile(tmp_path: Path) -> None:
    """The newer run may have its turn and end between two looks of the older one."""
    runs = Runs(tmp_path)
    with ExitStack() as held:
        assert held.enter_context(runs.turn("a")).skipped is None
        runs.may_look_again.clear()
        thread = runs.start("b")
        wait_for_lines(runs, 1)
        held.close()
        with runs.turn("c") as newer:
            newer.takes_places()
        runs.may_look_again.set()
    thread.join(PATIENCE)
    assert runs.skipped == {"b": "the newer commit c takes its place"}


@pytest.mark.parametrize("end", ["takes places", "cannot decide", "fails"])
def test_a_search_is_skipped_only_if_the_check_of_a_newer_commit_takes_its_place(tmp_path: Path, end: str) -> None:
    """Otherwise several quick commits after a damage would leave nobody who searches."""
    runs = Runs(tmp_path)
    with suppress(OSError), ExitStack() as held:
        check = held.enter_context(runs.turn("b"))
        thread = runs.start("a", search=True)
        wait_for_lines(runs, 1)
        # At its second look, the search meets the check, which is older than the search and still works.
        assert all(runs.looks.acquire(timeout=PATIENCE) for _ in range(2))
        assert thread.is_alive()
        if end == "takes places":
            check.takes_places()
        elif end == "fails":
            raise OSError("the disk is full")
    thread.join(PATIENCE)
    assert runs.skipped == {"search a": "the newer commit b takes its place" if end == "takes places" else None}


def test_a_search_for_a_newer_commit_takes_the_place_of_one_that_waited_meanwhile(tmp_path: Path) -> None:
    """The newer search need not say so."""
    runs = Runs(tmp_path)
    with ExitStack() as held:
        held.enter_context(runs.turn(None))
        runs.may_look_again.clear()
        thread = runs.start("a", search=True)
        wait_for_lines(runs, 1)
        held.close()
        runs.start("b", search=True).join(PATIENCE)
        runs.may_look_again.set()
    thread.join(PATIENCE)
    assert runs.skipped == {"search a": "the newer commit b takes its place", "search b": None}


def test_a_search_for_a_newer_commit_takes_the_place_of_one_that_waits(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with ExitStack() as held:
        held.enter_context(runs.turn(None))
        threads = [runs.start("b", search=True)]
        wait_for_lines(runs, 1)
        threads += [runs.start("a", search=True)]
        threads[1].join(PATIENCE)
    threads[0].join(PATIENCE)
    assert runs.skipped == {"search a": "the newer commit b takes its place", "search b": None}


def test_a_run_that_waited_too_long_is_skipped(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    with ExitStack() as held:
        held.enter_context(runs.turn(None))
        runs.start("a", patience=0.1).join(PATIENCE)
    assert str(runs.skipped["a"]).startswith("another run has worked on study for more than ")


def test_a_run_that_need_not_wait_is_executed_whatever_came_before(tmp_path: Path) -> None:
    """A person may check an older commit again."""
    runs = Runs(tmp_path)
    for commit in ("c", "a"):
        runs.start(commit).join(PATIENCE)
    assert runs.skipped == {"c": None, "a": None}
    assert list((tmp_path / "locks").iterdir()) == []


def test_a_run_that_cannot_compare_the_commits_keeps_no_turn(tmp_path: Path) -> None:
    """Git may fail while the run holds the lock. Then Prefect starts the same run again in the same process."""
    runs = Runs(tmp_path)
    runs.may_look_again.clear()

    def fail(old: str, new: str) -> bool:
        raise OSError("git failed")

    def wait() -> None:
        with (
            pytest.raises(OSError, match="git failed"),
            turn(tmp_path, "study", "b", fail, say=runs._say, poll=0.02),
        ):
            pass

    with runs.turn("a"):
        thread = threading.Thread(target=wait)
        thread.start()
        wait_for_lines(runs, 1)
    with runs.turn("c") as newer:
        newer.takes_places()
    runs.may_look_again.set()
    thread.join(PATIENCE)
    with runs.turn("c", patience=0.0) as taken:
        assert taken.skipped is None
