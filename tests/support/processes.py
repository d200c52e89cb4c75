"""Find running processes in the kernel's list: Erlang VMs, and processes that work in a folder."""

from __future__ import annotations

from pathlib import Path


def beams(ancestor: int) -> list[int]:
    """Return the ids of the running VMs that a process has started, directly or through other processes."""
    running: dict[int, tuple[str, int]] = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, fields = file.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = fields.split()[:2]
        if state not in "ZX":
            running[int(file.parent.name)] = (name, int(parent))
    descendants = {ancestor}
    for _ in running:
        children = {pid for pid, (_, parent) in running.items() if parent in descendants} - descendants
        if not children:
            break
        descendants |= children
    # A program that a VM has just started still has the VM's name for a moment.
    return [pid for pid in descendants if "(beam" in running.get(pid, ("", 0))[0]]


def working_in(folder: Path) -> list[int]:
    """Return the ids of the processes whose working directory is this folder or a folder in it."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            directory = (process / "cwd").readlink()
        except OSError:
            # The process has ended, or belongs to another user.
            continue
        if directory.is_relative_to(folder):
            pids.append(int(process.name))
    return pids
