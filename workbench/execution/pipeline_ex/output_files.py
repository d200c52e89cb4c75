"""Reads the files that an execution left in its folder. Skips files that a process still writes to."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

#: The most bytes of a file that is read, and the most files that are read.
MAX_BYTES = 5_000_000
MAX_FILES = 2_000
#: Seconds for which a file must stay the same before it is read, and the most seconds to wait for such a time.
QUIET_SECONDS = 0.02
MAX_WAIT_SECONDS = 2.0


def files(folder: Path, before: set[Path] | None = None) -> dict[str, str]:
    """Return the text by absolute path of each file in the folder that is not in `before`. Links are not followed."""
    texts: dict[str, str] = {}
    for path in regular(folder):
        if path in (before or ()) or len(texts) >= MAX_FILES:
            continue
        if (text := _settled(path)) is not None:
            texts[str(path)] = text
    return texts


def regular(folder: Path) -> Iterator[Path]:
    """Yield the regular files of a folder and of the folders in it."""
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except OSError:
                continue


def _settled(path: Path) -> str | None:
    """Return the text of a file that stays the same while it is read; None if the file is too long or still changes."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        try:
            before = path.lstat()
            if before.st_size > MAX_BYTES:
                return None
            if time.time() - before.st_mtime < QUIET_SECONDS:
                time.sleep(QUIET_SECONDS)
            text = path.read_bytes().decode("utf-8", errors="replace")
            after = path.lstat()
        except OSError:
            return None
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return text
        if time.monotonic() > deadline:
            return None
