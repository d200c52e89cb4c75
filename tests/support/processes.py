"""Who runs, as the kernel says."""

from __future__ import annotations

from pathlib import Path


def beams(ancestor: int) -> list[int]:
    """The VMs that a process has started, itself or through others, and that run."""
    running: dict[int, tuple[str, int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = file.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, started_by = rest.split()[:2]
        if state not in "ZX":
            running[int(file.parent.name)] = (name, int(started_by))
    below = {ancestor}
    for _ in running:
        more = {pid for pid, (_, started_by) in running.items() if started_by in below} - below
        if not more:
            break
        below |= more
    # Programs that a VM starts have its name until they have their own.
    return [pid for pid in below if "(beam" in running.get(pid, ("", 0))[0]]


def working_in(folder: Path) -> list[int]:
    """The processes whose working directory is this folder or one in it."""
    working = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            directory = (process / "cwd").readlink()
        except OSError:
            # It has ended, or is no process of ours.
            continue
        if directory.is_relative_to(folder):
            working.append(int(process.name))
    return working
