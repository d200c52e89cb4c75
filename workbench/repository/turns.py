"""Lets one run at a time work on a study. Of several commits that wait for their turn, only the newest is executed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workbench.providers import digest
from workbench.system.files import exclusive_lock, try_lock, write_atomically

#: The longest time that a run waits for its turn.
PATIENCE_SECONDS = 3600.0
POLL_SECONDS = 2.0


@contextmanager
def turn(
    home: Path,
    study: str,
    commit: str | None,
    is_ancestor: Callable[[str, str], bool],
    *,
    say: Callable[[str], None],
    waits: Callable[[], None] = lambda: None,
    patience: float = PATIENCE_SECONDS,
    poll: float = POLL_SECONDS,
) -> Iterator[str | None]:
    """Wait for the study's turn, and hold it until the block ends. Yield None, or why the run is to be skipped.

    The turn is a lock on a file. The kernel releases it whichever way its holder ends.

    Args:
        study: names the study on this machine, such as its path.
        commit: the commit that the run is about, or None.
        is_ancestor: returns whether the first commit is in the history of the second.
        say: is called with a line for a person if the run has to wait.
        waits: is called again and again while the run waits.
    """
    name = digest("turn", study)[:24]
    lock, newest = home / "locks" / f"study-{name}", home / "turns" / name
    if commit is not None:
        _announce(newest, commit, is_ancestor)
    deadline, waited = time.monotonic() + patience, False
    while (release := try_lock(lock)) is None:
        if not waited:
            say(f"Another run works on {study}. Waiting up to {patience / 60:.0f} minutes for it to end.")
            waited = True
        if time.monotonic() > deadline:
            yield f"another run has worked on {study} for more than {patience / 60:.0f} minutes"
            return
        waits()
        time.sleep(poll)
        if (newer := _newer(newest, commit, is_ancestor)) is not None:
            yield f"the newer commit {newer[:12]} waits for its turn, too"
            return
    try:
        newer = _newer(newest, commit, is_ancestor) if waited else None
        yield None if newer is None else f"the newer commit {newer[:12]} waits for its turn, too"
    finally:
        release()


def _announce(newest: Path, commit: str, is_ancestor: Callable[[str, str], bool]) -> None:
    """Write down that a run for this commit waits, unless a run for a newer commit does."""
    newest.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(newest.with_suffix(".lock")):
        known = _read(newest)
        if known is None or known == commit or not is_ancestor(commit, known):
            write_atomically(newest, commit.encode())


def _newer(newest: Path, commit: str | None, is_ancestor: Callable[[str, str], bool]) -> str | None:
    """Return the commit of a newer run that waits, or None."""
    known = None if commit is None else _read(newest)
    if commit is None or known is None or known == commit:
        return None
    return known


def _read(newest: Path) -> str | None:
    with suppress(OSError, UnicodeDecodeError):
        return newest.read_text(encoding="utf-8").strip() or None
    return None
