"""Writes files so that they survive a crash. No other module does, except `locks.write_locked`.

Prompts, plans and gold plans belong to the user alone. Inside a block of `private_files`, only their owner can read new
files (0600) and new folders (0700).
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: The permissions of files and folders that belong to the user alone.
PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700


@contextmanager
def private_files() -> Iterator[None]:
    """Make every file private that this process, or a program that it starts, creates before the block ends."""
    previous = os.umask(0o777 & ~PRIVATE_FOLDER)
    try:
        yield
    finally:
        os.umask(previous)


@contextmanager
def naming(file: Path) -> Iterator[None]:
    """Name this file in an OSError of the block that names none. A write to a full disk fails without a name."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(file)
        raise


def write_atomically(
    file: Path, content: bytes, mode: int | None = None, *, owner: tuple[int, int] | None = None
) -> Path:
    """Write a file completely or not at all, and return its path. Missing folders are created.

    A device, a pipe or a socket is written to directly. For every other file, the content is written into a temporary
    file, which is synced and then renamed. A crash leaves the old file or the new file, never a partial one.

    Args:
        mode: the file's permissions. Without a mode, the process's umask decides.
        owner: the numbers of the file's user and group, if the system lets this process set them. By default, they are
            those of the process.
    """
    if _is_special(file):
        # A rename would put a regular file in the place of the device or the pipe.
        with naming(file), file.open("wb") as stream:
            stream.write(content)
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else PRIVATE_FILE)
    try:
        with naming(file), os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if owner is not None:
            with suppress(PermissionError):
                os.chown(temporary, *owner)
        if mode is not None:
            temporary.chmod(mode & 0o7777)
        temporary.replace(file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return file


def replace(file: Path, content: bytes) -> Path:
    """Write a file as `write_atomically` does, and return its path.

    An existing file keeps its permissions, and its owner if the system lets this process set the owner.
    """
    if not file.exists():
        return write_atomically(file, content)
    earlier = file.stat()
    return write_atomically(file, content, stat.S_IMODE(earlier.st_mode), owner=(earlier.st_uid, earlier.st_gid))


def write_new(file: Path, content: bytes, mode: int | None = None) -> Path:
    """Write a file that does not exist yet, completely or not at all, and return its path. Missing folders are created.

    Args:
        mode: the file's permissions. Without a mode, the process's umask decides.

    Raises:
        FileExistsError: the file exists. It is not changed.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = write_atomically(file.with_name(f".{file.name[:100]}.{secrets.token_hex(8)}"), content, mode)
    try:
        # Unlike a rename, a link fails if the name is taken.
        os.link(temporary, file)
    except FileExistsError:
        raise
    except OSError:
        # The file system has no hard links (exFAT has none). An empty file takes the name first, and is then
        # replaced.
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE))
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
    return file


def _is_special(file: Path) -> bool:
    """Return True for a device, a pipe or a socket, but not for a link to one."""
    try:
        mode = file.lstat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode))


def why_unwritable(folder: Path) -> str | None:
    """Create the folder if it is missing. Return the reason why files cannot be written into it, or None."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return error.strerror or type(error).__name__
    return None if os.access(folder, os.W_OK | os.X_OK) else "you have no permission to write into it"


def append_line(file: Path, line: str) -> None:
    """Append a line with a single write to an O_APPEND descriptor. Lines of several threads and processes never mix.

    If the file's last line has no end, a crash or a full disk has cut it off. The half line is removed, so that every
    line of the file can be read.

    Raises:
        OSError: the line could not be written as a whole.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            content = os.pread(descriptor, size, 0)
            os.ftruncate(descriptor, content.rfind(b"\n") + 1)
        content = f"{line}\n".encode()
        with naming(file):
            if os.write(descriptor, content) != len(content):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(descriptor)
