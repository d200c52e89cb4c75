"""The one place that writes files which must survive a crash, and locks what only one may do."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_atomically(file: Path, content: bytes, mode: int = 0o644) -> Path:
    """Write beside it, sync, rename: a crash leaves the old file or the new one, never half of one."""
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
    """Why nothing can be written into a folder, which is made if it is missing; None where something can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(folder, os.W_OK | os.X_OK) else "it is not yours to write into"


def append_line(file: Path, line: str) -> None:
    """One write on an O_APPEND descriptor: lines of several threads and processes never mix."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


@contextmanager
def shared_lock(lock: Path) -> Iterator[None]:
    """Hold this lock, beside others who do. The kernel lets go of it whatever becomes of us."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def is_locked(lock: Path) -> bool:
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
    """Wait for any other process that holds this lock. The kernel lets go of it whatever becomes of us."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
