"""Measures this process and all of its descendants together. Linux only."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(excluded: int) -> float:
    """Return the CPU seconds of this process and all of its descendants, including descendants that have ended.

    The kernel adds a process's time to the time of the process that waits for it, so nothing is counted twice.

    Args:
        excluded: a descendant that does not count.
    """
    # Fields 14 to 17 of /proc/PID/stat: user and system time, and the same of the children that were waited for.
    return sum(sum(map(int, fields[11:15])) for fields in _tree(excluded).values()) / TICKS


def cpu_seconds_of(process: int) -> float:
    """Return the CPU seconds of one process without its children."""
    return sum(map(int, _stat(Path("/proc", str(process)))[11:13])) / TICKS


def virtual_machines() -> list[int]:
    """Return the Erlang VMs among the descendants."""
    return [pid for pid in _tree() if "beam" in _text(Path("/proc", str(pid), "comm"))]


def megabytes(process: int, field: str) -> float:
    """Return a field of a process's memory, `VmRSS` or `VmHWM`; 0 if the process has ended."""
    lines = _text(Path("/proc", str(process), "status")).splitlines()
    return round(next((int(line.split()[1]) for line in lines if line.startswith(field)), 0) / 1024, 1)


@contextmanager
def watching_peak(pause: float = 0.03) -> Iterator[list[float]]:
    """Yield a list that holds the peak megabytes of the largest VM that ran meanwhile."""
    peak, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(pause):
            peak[0] = max([*peak, *(megabytes(pid, "VmHWM") for pid in virtual_machines())])

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()


def _tree(excluded: int | None = None) -> dict[int, list[str]]:
    """Return the fields of /proc/PID/stat from the third on, of this process and its descendants, by process."""
    stats: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(folder)):
            stats[int(folder.name)] = fields
    children: dict[int, list[int]] = {}
    for pid, fields in stats.items():
        children.setdefault(int(fields[1]), []).append(pid)
    tree = [os.getpid()]
    for pid in tree:
        tree += [child for child in children.get(pid, ()) if child != excluded]
    return {pid: stats[pid] for pid in tree if pid in stats}


def _stat(folder: Path) -> list[str]:
    """Return the fields after the program's name, which stands in parentheses and may hold anything."""
    return _text(folder / "stat").rpartition(")")[2].split()


def _text(file: Path) -> str:
    """Return a file's text, or an empty text if its process has ended."""
    with contextlib.suppress(OSError):
        return file.read_text(errors="replace")
    return ""
