"""The files that an execution left in its folder: regular ones, within it, that nobody writes to any more."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

#: A file of more bytes is no plan, and a folder of more files is looked at no further.
MAX_BYTES = 5_000_000
MAX_FILES = 2_000
#: Seconds for which a file has to have been left alone, and for which we wait for that.
QUIET = 0.02
PATIENCE = 2.0


def files(folder: Path, before: set[Path] | None = None) -> dict[str, str]:
    """Text by absolute path of each file in the folder that was not there `before`. Links are not followed."""
    found: dict[str, str] = {}
    for path in regular(folder):
        if path in (before or ()) or len(found) >= MAX_FILES:
            continue
        if (text := _settled(path)) is not None:
            found[str(path)] = text
    return found


def regular(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            try:
                if stat.S_ISREG(path.lstat().st_mode):
                    yield path
            except OSError:
                continue


def _settled(path: Path) -> str | None:
    """Its text, if it stays the same while it is read; None for one that is too long or still grows."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            before = path.lstat()
            if before.st_size > MAX_BYTES:
                return None
            if time.time() - before.st_mtime < QUIET:
                time.sleep(QUIET)
            text = path.read_bytes().decode("utf-8", errors="replace")
            after = path.lstat()
        except OSError:
            return None
        if (before.st_size, before.st_mtime_ns) == (after.st_size, after.st_mtime_ns):
            return text
        if time.monotonic() > deadline:
            return None
