"""Locks files between processes, so that only one of them does a job, or none of them disturbs another."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO

from workbench.system.files import PRIVATE_FILE

#: The pause between two tries to take a lock for which a process waits for a limited time.
POLL_SECONDS = 0.1


def shared_lock(lock: Path) -> AbstractContextManager[None]:
    """Hold the lock until the block ends. Several processes can hold it at the same time.

    The kernel releases the lock when the process ends in any way.
    """
    return _held(lock, fcntl.LOCK_SH)


def is_locked(lock: Path) -> bool:
    """Return True if somebody holds the lock alone. Several calls at the same time do not disturb each other."""
    return _is_refused(lock, fcntl.LOCK_SH)


def is_in_use(lock: Path) -> bool:
    """Return True if somebody holds the lock, alone or with others.

    Each call holds the lock alone for a moment. So that no call takes another for a holder, the calls wait for each
    other: each also holds the lock's folder.
    """
    try:
        folder = os.open(lock.parent, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        return _is_refused(lock, fcntl.LOCK_EX)
    finally:
        os.close(folder)


def exclusive_lock(lock: Path, seconds: float | None = None) -> AbstractContextManager[None]:
    """Wait until no other process holds the lock, then hold it until the block ends.

    The kernel releases the lock when the process ends in any way.

    Args:
        seconds: the longest time to wait. None waits for ever.

    Raises:
        TimeoutError: another process held the lock all the time.
    """
    return _held(lock, fcntl.LOCK_EX, seconds)


def try_lock(lock: Path) -> Callable[[], None] | None:
    """Take the lock if no other holder has it. Return the function that gives it back, or None.

    Two holders in one process exclude each other, too. The kernel gives the lock back when the process ends in any way.
    The file is removed with the lock, so that locks do not gather. On a disk that refuses this, the file stays, and
    the lock is given back nevertheless.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = _open_lock(lock)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        if _is_open_at(lock, file.fileno()):
            break
        # An earlier holder has removed this file since it was opened. Its lock protects nothing any more.
        file.close()

    def release() -> None:
        with suppress(OSError):
            lock.unlink()
        file.close()

    return release


def write_locked(file: Path, content: bytes) -> Callable[[], None]:
    """Write a private file that is locked from its first moment on. Return the function that removes and unlocks it.

    An existing file is replaced. The kernel releases the lock when the process ends in any way. Then the file stays.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}")
    stream = _open_lock(temporary)
    try:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.write(content)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        stream.close()
        raise

    def release() -> None:
        with suppress(OSError):
            if _is_open_at(file, stream.fileno()):
                file.unlink()
        stream.close()

    return release


@contextmanager
def _held(lock: Path, operation: int, seconds: float | None = None) -> Iterator[None]:
    """Wait for the lock, and hold it until the block ends. `operation` says whether others can hold it, too."""
    deadline = None if seconds is None else time.monotonic() + seconds
    with _open_lock(lock) as file:
        while True:
            try:
                fcntl.flock(file, operation if deadline is None else operation | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if deadline is not None and time.monotonic() > deadline:
                    raise TimeoutError(f"{lock} was locked for {seconds:g} s") from error
                time.sleep(POLL_SECONDS)
        yield


def _is_refused(lock: Path, operation: int) -> bool:
    """Return True if the lock cannot be taken now. It is given back at once."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, operation | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _is_open_at(path: Path, descriptor: int) -> bool:
    """Return True if the path still names the open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _open_lock(lock: Path) -> IO[bytes]:
    """Open a lock file. Create it if it is missing."""
    return os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, PRIVATE_FILE), "r+b", buffering=0)
