"""Records which process works on a flow run, and marks a flow run as crashed if its process has died.

If the process of a flow run is killed, Prefect shows the flow run as running for ever. So each flow run has a file
`WORKBENCH_HOME/flow-runs/ID`, which its process keeps locked. The kernel releases the lock when the process dies. A
process that ends in order removes the files of the flow runs that have ended well.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from workbench.alerts.api import Api, request
from workbench.errors import UserError
from workbench.run.file_format import Record, parse
from workbench.system.locks import is_locked, write_locked

#: The types of states that end a flow run.
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


class Holder(Record):
    """The process that works on a flow run.

    Attributes:
        flow_run: the flow run's id.
        server: the address of the Prefect server's API.
        pid, host: the process and its machine.
        began: Unix time.
    """

    FILE: ClassVar[str] = "flow-runs/ID"

    flow_run: str
    server: str
    pid: int
    host: str
    began: float


#: The functions that release the files of this process, except for flow runs that have ended well. Prefect may try a
#: failed flow run again.
_held: dict[Path, Callable[[], None]] = {}


@contextmanager
def held(home: Path, flow_run: str, server: str) -> Iterator[None]:
    """Lock a file that says that this process works on a flow run.

    The file stays locked until the process ends: the server learns of the end of the flow run only after this block. If
    the block has ended well, the process removes the file when it ends in order.
    """
    file = home / "flow-runs" / flow_run
    if file not in _held:
        holder = Holder(flow_run=flow_run, server=server, pid=os.getpid(), host=socket.gethostname(), began=time.time())
        _held[file] = write_locked(file, json.dumps(holder.to_json()).encode())
    yield
    atexit.register(_held.pop(file))


def dead_flow_runs(home: Path) -> list[str]:
    """Return the ids of the flow runs of this home whose process has died."""
    return [file.name for file in _files_of_dead(home)]


def _files_of_dead(home: Path) -> Iterator[Path]:
    """Yield the file of each flow run whose process has died. Check the lock directly before the file is yielded."""
    for file in sorted((home / "flow-runs").glob("[!.]*")):
        # Nobody can tell whether the process lives if another user wrote the file, as after `sudo workbench run`.
        with suppress(PermissionError):
            if not is_locked(file):
                yield file


def mark_crashed(home: Path, api: Api, server: str) -> list[str]:
    """Mark each unfinished flow run whose process has died as crashed. Return the names of these flow runs.

    Flow runs that began with another home are left alone. `server` is the address of the API.

    Raises:
        httpx.HTTPError: the server does not answer, or refuses a request.
    """
    marked = []
    for file in _files_of_dead(home):
        try:
            holder = parse(Holder, file.read_text(encoding="utf-8"), str(file))
        except FileNotFoundError:
            # The flow run has just ended.
            continue
        except (UserError, ValueError):
            # A crash of the machine has damaged the file. Nobody can tell which flow run it was for.
            file.unlink(missing_ok=True)
            continue
        names = _end(holder, api)
        if names is None and holder.server != server:
            # Another server has the flow run.
            continue
        marked += names or []
        file.unlink(missing_ok=True)
    return marked


def _end(holder: Holder, api: Api) -> list[str] | None:
    """End the flow run of a dead process, unless it has ended already. Return its name if it was ended.

    Return None if the server does not have the flow run.
    """
    flow_run = request(api, "GET", f"/flow_runs/{holder.flow_run}")
    if flow_run is None:
        return None
    kind = (flow_run["state"] or {}).get("type")
    # A worker starts a scheduled run of a deployment again. A pending run is started at this moment.
    if kind in ENDED or (kind in ("SCHEDULED", "PENDING") and flow_run["deployment_id"]):
        return []
    message = (
        f"The process {holder.pid} on {holder.host} ended without a result: it was killed, or the machine stopped. All "
        "paid results are kept. Start the same run again: it pays for nothing twice."
    )
    end_state = (
        {"type": "CANCELLED", "name": "Cancelled"} if kind == "CANCELLING" else {"type": "CRASHED", "name": "Crashed"}
    )
    state = {"state": {**end_state, "message": message}, "force": True}
    ended = request(api, "POST", f"/flow_runs/{holder.flow_run}/set_state", state)
    return None if ended is None else [str(flow_run["name"])]
