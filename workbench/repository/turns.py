"""Lets one run at a time work on a study. Of several commits that wait for their turn, only the newest is executed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from workbench.providers import digest
from workbench.system.locks import is_locked, try_lock, write_locked

#: The longest time that a run waits for its turn.
PATIENCE_SECONDS = 3600.0
#: The pause between two tries to take the turn.
POLL_SECONDS = 2.0
#: The suffix of a run's file once the run has had its turn.
TAKEN = ".taken"
#: The end of the name, before the suffix, of the file of a run that searches.
SEARCH = "-search"
#: How many seconds such a file stays.
KEPT_SECONDS = 86_400.0


@dataclass(frozen=True)
class Turn:
    """The turn of a run, or why the run does not get it.

    Attributes:
        skipped: why the run is to be skipped; None if it has its turn.
    """

    skipped: str | None = None
    announcement: Announcement | None = None

    def changes_nothing(self) -> None:
        """Let runs for older commits go on that wait for this run's result: at its commit, nothing has changed."""
        if self.announcement is not None:
            self.announcement.take_back()


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
    search: bool = False,
) -> Iterator[Turn]:
    """Wait for the study's turn, and hold it until the block ends. Yield it, or why the run is to be skipped.

    The turn is a lock on a file. The kernel releases it whichever way its holder ends.

    Args:
        study: names the study on this machine, such as its path.
        commit: the commit that the run is about, or None.
        is_ancestor: returns True if the first commit is in the history of the second.
        say: is called with a line for a person if the run has to wait.
        waits: is called again and again while the run waits.
        patience: the longest time to wait, in seconds.
        poll: the pause between two tries to take the turn, in seconds.
        search: the run searches for a better prompt. It lets a check of a newer commit go first, and is skipped only if
            this check finds that the newer commit matters. Otherwise nobody would search.
    """
    name = digest("turn", study)[:24]
    lock = home / "locks" / f"study-{name}"
    with Announcement.of(home / "turns" / f"{name}.runs", commit, search=search) as announcement, ExitStack() as held:
        deadline, has_waited = time.monotonic() + patience, False
        while True:
            if (release := try_lock(lock)) is not None:
                held.callback(release)
            newer, is_decided = announcement.newer(is_ancestor) if has_waited else (None, False)
            if release is not None and newer is None:
                break
            held.close()
            if newer is not None and is_decided:
                yield Turn(f"the newer commit {newer[:12]} takes its place")
                return
            if not has_waited:
                say(f"Another run works on {study}. Waiting up to {patience / 60:.0f} minutes for it to end.")
                has_waited = True
            if time.monotonic() > deadline:
                yield Turn(f"another run has worked on {study} for more than {patience / 60:.0f} minutes")
                return
            waits()
            time.sleep(poll)
        announcement.take_turn()
        yield Turn(announcement=announcement)


@dataclass(frozen=True)
class Announcement:
    """Shows other runs that a run for a commit waits for its turn, or has its turn.

    A run without a commit shows nothing.

    Each run has a file with its commit, which it keeps locked. The file of a killed run counts for nothing. The file of
    a run that had its turn stays for a day: an older commit, whose run waited meanwhile, is not executed after it.

    Attributes:
        file: the run's own file. Its name begins with the time at which the run began to wait.
        met: the names, without suffix, of files that were locked when this run looked.
    """

    commit: str | None
    file: Path
    met: set[str] = field(default_factory=set)

    @classmethod
    @contextmanager
    def of(cls, folder: Path, commit: str | None, *, search: bool) -> Iterator[Announcement]:
        """Yield the announcement of a run, and take it back when the block ends."""
        announcement = cls(commit, folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}{SEARCH if search else ''}")
        if commit is None:
            yield announcement
            return
        release = write_locked(announcement.file, commit.encode())
        try:
            yield announcement
        finally:
            release()

    def newer(self, is_ancestor: Callable[[str, str], bool]) -> tuple[str | None, bool]:
        """Return the newest commit of all runs if it is newer than this run's commit, else None.

        If neither of two commits is in the history of the other, the commit of the later run is the newer one.

        Also return whether the newer commit takes this run's place. A search has to wait until the check of a newer
        commit has ended.
        """
        newest, is_decided = None, False
        for file in sorted(self.file.parent.glob("[0-9]*")) if self.commit else ():
            is_undecided = _is_search(self.file) and not _is_search(file) and is_locked(file)
            commit = self._read(file)
            if commit is not None and (newest is None or not is_ancestor(commit, newest)):
                newest, is_decided = commit, not is_undecided
        return (None, False) if newest == self.commit else (newest, is_decided)

    def take_turn(self) -> None:
        """Show other runs that this run has its turn."""
        with suppress(FileNotFoundError):
            self.file.rename(self.file.with_suffix(TAKEN))

    def take_back(self) -> None:
        """Show other runs nothing any more."""
        self.file.with_suffix(TAKEN).unlink(missing_ok=True)

    def _read(self, file: Path) -> str | None:
        """Return the commit of a run, or None if its file counts for nothing. Remove a file that nobody needs."""
        with suppress(OSError, UnicodeDecodeError):
            if is_locked(file):
                self.met.add(file.stem)
                return file.read_text(encoding="utf-8") or None
            if file.suffix == TAKEN and (file.name > self.file.name or file.stem in self.met):
                return file.read_text(encoding="utf-8") or None
            if file.suffix != TAKEN or time.time() - file.stat().st_mtime > KEPT_SECONDS:
                file.unlink()
        return None


def _is_search(file: Path) -> bool:
    """Return True if a run that searches has written this file."""
    return file.stem.endswith(SEARCH)
