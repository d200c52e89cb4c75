"""Creates temporary folders that name their owner, and removes folders whose owner was killed.

A folder of ours is called `workbench-PURPOSE-PID-RANDOM`. Its owner also holds a lock on it, which the kernel releases
when the owner ends. The process id alone is not enough: another container can share the folder for temporary files, and
its processes are not visible here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
from pathlib import Path

OWNED = re.compile(r"workbench-[a-z]+-(?P<pid>\d+)-.+")


class OwnedFolder:
    """A temporary folder that this process owns until it removes it or ends. A `with` block gets its path."""

    def __init__(self, purpose: str) -> None:
        """Create the folder. `purpose` is one word in lower case."""
        self.path = Path(tempfile.mkdtemp(prefix=f"workbench-{purpose}-{os.getpid()}-"))
        self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        # On a file system without locks, only the process id shows the owner.
        with contextlib.suppress(OSError):
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def __enter__(self) -> Path:
        return self.path

    def __exit__(self, *_: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder and release the lock."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)


def remove_abandoned(folder: Path | None = None) -> None:
    """Remove the temporary folders whose owners were killed.

    Args:
        folder: the folder for temporary files; by default the system's folder.
    """
    with contextlib.suppress(OSError):
        parent = folder or Path(tempfile.gettempdir())
        for name in os.listdir(parent):  # noqa: PTH208  # every command lists the folder, which can have many entries
            owned = OWNED.fullmatch(name)
            if owned is not None and not Path("/proc", owned["pid"]).exists() and _unlocked(parent / name):
                shutil.rmtree(parent / name, ignore_errors=True)


def _unlocked(path: Path) -> bool:
    """Return True if this is a folder that no process holds a lock on."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return True
