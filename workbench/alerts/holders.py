"""Records which process works on a flow run, and marks a flow run as crashed if its process has died.

If the process of a flow run is killed, Prefect shows the flow run as running for ever. So a process that works on a
flow run keeps a file `WORKBENCH_HOME/flow-runs/ID.TOKEN` locked until the process ends, and the kernel then releases
the lock. The next look asks the server how each flow run without a lock has ended, and removes its file.

The file stays at the end of the process, because nothing in the process knows whether the server got the final state:
Prefect sends it last, and gives up after some time. Each process has a file of its own, which nobody replaces or locks
again. So a look never removes the file of a process that lives.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from workbench.alerts.api import Api, request
from workbench.errors import UserError
from workbench.run.file_format import Record, parse
from workbench.system.locks import is_locked, write_locked

#: The types of states that end a flow run.
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
#: The file of a flow run that another server has is kept for this many seconds since the file was written. Then it is
#: removed, so that the files of servers that nobody starts again do not gather.
KEPT_SECONDS = 30 * 86_400.0


class Holder(Record):
    """The process that works on a flow run.

    Attributes:
        flow_run: the flow run's id.
        server: the address of the Prefect server's API.
        pid, host: the process and its machine.
        began: Unix time.
    """

    FILE: ClassVar[str] = "flow-runs/ID.TOKEN"

    flow_run: str
    server: str
    pid: int
    host: str
    began: float


@dataclass(frozen=True)
class Death:
    """A flow run that has ended, and was not completed.

    Attributes:
        flow_run: the flow run's id.
        name: its name.
        marked: True if it was marked now. Otherwise Prefect or a person has ended it.
    """

    flow_run: str
    name: str
    marked: bool


#: The files of flow runs whose block has ended in this process, each with the function that removes and unlocks it.
_left: dict[Path, Callable[[], None]] = {}


@contextmanager
def held(home: Path, flow_run: str, server: str) -> Iterator[None]:
    """Lock a file that says that this process works on a flow run.

    The server learns of the end of the flow run only after this block, and Prefect may try a failed flow run again. So
    the file stays locked after the block: until the process ends, or until a look of this process finds that the server
    has the final state.
    """
    folder = home / "flow-runs"
    file = next((file for file in _files(folder, flow_run) if file in _left), None)
    if file is None:
        file = folder / f"{flow_run}.{secrets.token_hex(4)}"
        holder = Holder(flow_run=flow_run, server=server, pid=os.getpid(), host=socket.gethostname(), began=time.time())
        release = write_locked(file, json.dumps(holder.to_json()).encode())
    else:
        release = _left.pop(file)
    try:
        yield
    finally:
        _left[file] = release


def _files(folder: Path, flow_run: str) -> list[Path]:
    """Return the files of a flow run: one for each process that has worked on it since the last look."""
    return [file for file in folder.glob("[!.]*") if file.name.partition(".")[0] == flow_run]


def mark_crashed(home: Path, api: Api, server: str) -> list[Death]:
    """Mark each unfinished flow run whose process has died as crashed.

    Return the flow runs that have ended since the last look without being completed. Flow runs that began with another
    home are left alone. `server` is the address of the API.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    deaths = []
    for file in sorted((home / "flow-runs").glob("[!.]*")):
        if file not in _left and _is_held(file):
            continue
        try:
            holder = parse(Holder, file.read_text(encoding="utf-8"), str(file))
        except FileNotFoundError:
            # Another process has looked at the same time.
            continue
        except (UserError, ValueError):
            # A crash of the machine has damaged the file. Nobody can tell which flow run it was for.
            file.unlink(missing_ok=True)
            continue
        deaths += _look(file, holder, api, server)
    return deaths


def _is_held(file: Path) -> bool:
    """Return True if the process that wrote the file lives, or if nobody can tell.

    Nobody can tell if another user wrote the file, as after `sudo workbench run`.
    """
    try:
        return is_locked(file)
    except PermissionError:
        return True


def _look(file: Path, holder: Holder, api: Api, server: str) -> list[Death]:
    """Ask the server for the flow run of a file. End the flow run if its process has died, and remove the file.

    Return the flow run if it has ended without being completed.
    """
    flow_run = request(api, "GET", f"/flow_runs/{holder.flow_run}")
    if flow_run is None:
        # Another server may have the flow run.
        if holder.server == server or time.time() - holder.began > KEPT_SECONDS:
            _remove(file)
        return []
    kind = (flow_run["state"] or {}).get("type")
    name = str(flow_run["name"])
    if kind in ENDED:
        _remove(file)
        return [] if kind == "COMPLETED" else [Death(holder.flow_run, name, marked=False)]
    # The first case: Prefect still sends the end of a flow run of this process, or a new process has begun the flow run
    # again. The second case: a worker will start a scheduled run, and is starting a pending one. If the worker is
    # stopped meanwhile, `mark_unstarted` ends the pending run.
    if any(map(_is_held, _files(file.parent, holder.flow_run))) or (
        kind in ("SCHEDULED", "PENDING") and flow_run["deployment_id"]
    ):
        return []
    marked = _end(holder, kind, api)
    _remove(file)
    return [Death(holder.flow_run, name, marked=True)] if marked else []


def _remove(file: Path) -> None:
    """Remove a file. If it is one of this process, give its lock back."""
    _left.pop(file, lambda: file.unlink(missing_ok=True))()


def _end(holder: Holder, kind: str | None, api: Api) -> bool:
    """End the flow run of a dead process, which is in a state of this type. Return False if the server forgot it."""
    message = (
        f"The process {holder.pid} on {holder.host} ended, and the server got no result: the process was killed, the "
        "machine stopped, or the server did not answer. All paid results are kept. Start the same run again: it pays "
        "for nothing twice."
    )
    end_state = (
        {"type": "CANCELLED", "name": "Cancelled"} if kind == "CANCELLING" else {"type": "CRASHED", "name": "Crashed"}
    )
    state = {"state": {**end_state, "message": message}, "force": True}
    return request(api, "POST", f"/flow_runs/{holder.flow_run}/set_state", state) is not None
