"""Lets one run at a time work on a study. Of several commits that wait for their turn, only the newest is executed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workbench.providers import digest
from workbench.system.locks import is_locked, try_lock, write_locked

#: The longest time that a run waits for its turn.
PATIENCE_SECONDS = 3600.0
#: The pause between two tries to take the turn.
POLL_SECONDS = 2.0
#: The suffix of a run's file once the run has had its turn.
TAKEN = ".taken"
#: How many seconds such a file stays.
KEPT_SECONDS = 86_400.0


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
        is_ancestor: returns True if the first commit is in the history of the second.
        say: is called with a line for a person if the run has to wait.
        waits: is called again and again while the run waits.
        patience: the longest time to wait, in seconds.
        poll: the pause between two tries to take the turn, in seconds.
    """
    name = digest("turn", study)[:24]
    lock = home / "locks" / f"study-{name}"
    with Announcement.of(home / "turns" / f"{name}.runs", commit) as announcement:
        deadline, has_waited = time.monotonic() + patience, False
        while (release := try_lock(lock)) is None:
            if not has_waited:
                say(f"Another run works on {study}. Waiting up to {patience / 60:.0f} minutes for it to end.")
                has_waited = True
            if time.monotonic() > deadline:
                yield f"another run has worked on {study} for more than {patience / 60:.0f} minutes"
                return
            waits()
            time.sleep(poll)
            if (newer := announcement.newer(is_ancestor)) is not None:
                yield f"the newer commit {newer[:12]} takes its place"
                return
        try:
            newer = announcement.newer(is_ancestor) if has_waited else None
            if newer is None:
                announcement.take_turn()
            yield None if newer is None else f"the newer commit {newer[:12]} takes its place"
        finally:
            release()


@dataclass(frozen=True)
class Announcement:
    """Shows other runs that a run for a commit waits for its turn, or has its turn.

    A run without a commit shows nothing.

    Each run has a file with its commit, which it keeps locked. The file of a killed run counts for nothing. The file of
    a run that had its turn stays for a day: an older commit, whose run waited meanwhile, is not executed after it.

    Attributes:
        file: the run's own file. Its name begins with the time at which the run began to wait.
    """

    commit: str | None
    file: Path

    @classmethod
    @contextmanager
    def of(cls, folder: Path, commit: str | None) -> Iterator[Announcement]:
        """Yield the announcement of a run, and take it back when the block ends."""
        announcement = cls(commit, folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}")
        if commit is None:
            yield announcement
            return
        release = write_locked(announcement.file, commit.encode())
        try:
            yield announcement
        finally:
            release()

    def newer(self, is_ancestor: Callable[[str, str], bool]) -> str | None:
        """Return the newest commit of all runs if it is newer than this run's commit, else None.

        If neither of two commits is in the history of the other, the commit of the later run is the newer one.
        """
        newest: str | None = None
        for file in sorted(self.file.parent.glob("[0-9]*")) if self.commit else ():
            commit = self._read(file)
            if commit is not None and (newest is None or not is_ancestor(commit, newest)):
                newest = commit
        return None if newest == self.commit else newest

    def take_turn(self) -> None:
        """Show other runs that this run has its turn."""
        with suppress(FileNotFoundError):
            self.file.rename(self.file.with_suffix(TAKEN))

    def _read(self, file: Path) -> str | None:
        """Return the commit of a run, or None if its file counts for nothing. Remove a file that nobody needs."""
        with suppress(OSError, UnicodeDecodeError):
            if (file.suffix == TAKEN and file.name > self.file.name) or is_locked(file):
                return file.read_text(encoding="utf-8") or None
            if file.suffix != TAKEN or time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()
        return None
