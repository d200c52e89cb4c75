"""Writes files so that they survive a crash, and locks files between processes. No other module does either."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(file: Path, content: bytes, mode: int = 0o644) -> Path:
    """Write a file completely or not at all, and return its path. Missing folders are created.

    The content is written into a temporary file, which is synced and then renamed. A crash leaves the old file or the
    new file, never a partial one.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.chmod(mode & 0o7777)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return file


def why_unwritable(folder: Path) -> str | None:
    """Create the folder if it is missing. Return the reason why files cannot be written into it, or None."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(folder, os.W_OK | os.X_OK) else "you have no permission to write into it"


def append_line(file: Path, line: str) -> None:
    """Append a line with a single write to an O_APPEND descriptor. Lines of several threads and processes never mix."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@contextmanager
def shared_lock(lock: Path) -> Iterator[None]:
    """Hold the lock until the block ends. Several processes can hold it at the same time.

    The kernel releases the lock when the process ends in any way.
    """
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def is_locked(lock: Path) -> bool:
    """Return True if any process holds the lock."""
    try:
        with lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


@contextmanager
def exclusive_lock(lock: Path) -> Iterator[None]:
    """Wait until no other process holds the lock, then hold it until the block ends.

    The kernel releases the lock when the process ends in any way.
    """
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
