"""A Prefect server in the background: started once, used by every run, stopped by its own process id.

It is a process that must outlive the command that starts it, which is why it is not started by
`workbench.system.process`.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from workbench.errors import ServerUnavailable
from workbench.system.files import exclusive_lock, write_atomically
from workbench.system.home import ensure_usable

#: A new database takes 11 to 15 s on two cores; a slow disk some more.
START_SECONDS = 180.0
STOP_SECONDS = 15.0
PREFERRED_PORT = 4200
#: A server writes every state of a task run on its own, unless it is told to write many at once: a third of its work.
#: The UI shows a state that much later (whole seconds: less is cut to 0, and the server then does nothing but look).
BATCHES = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
}
#: The one that prefect.yaml names.
WORK_POOL = "workbench"


@dataclass(frozen=True)
class Server:
    """`url` is the API's, as PREFECT_API_URL takes it."""

    pid: int
    url: str

    @property
    def ui(self) -> str:
        return self.url.removesuffix("/api")


def prefect_home(home: Path, environ: Mapping[str, str]) -> str:
    return environ.get("PREFECT_HOME") or str(home / "prefect")


def healthy(url: str, timeout: float = 5.0) -> bool:
    """Whether a Prefect API answers at this address."""
    try:
        return httpx.get(f"{url.rstrip('/')}/health", timeout=timeout).status_code == 200
    except httpx.HTTPError:
        return False


def ensure(home: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Server:
    """The background server, started now if it does not run.

    Raises:
        ServerUnavailable: it did not come up; its log says why.
    """
    ensure_usable(home)
    # Two runs that begin together start one server.
    with exclusive_lock(home / "server.lock"):
        running = running_server(home)
        if running is not None and healthy(running.url):
            return running
        say("starting a Prefect server in the background (a few seconds; about 20 the first time)")
        return _start(home, environ)


def running_server(home: Path) -> Server | None:
    """The server that was started here, if its process is still there."""
    try:
        server = Server(**json.loads((home / "server.json").read_text(encoding="utf-8")))
        command = Path(f"/proc/{server.pid}/cmdline").read_bytes()
    except (OSError, ValueError, TypeError):
        return None
    # Process ids are used again: only a Prefect server is ours.
    return server if b"prefect" in command and b"server" in command else None


def stop(home: Path) -> bool:
    """End the background server and its services; False when none runs."""
    server = running_server(home)
    if server is None:
        return False
    for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
        try:
            os.killpg(server.pid, number)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + patience
        while running_server(home) is not None and time.monotonic() < deadline:
            time.sleep(0.1)
        if running_server(home) is None:
            break
    (home / "server.json").unlink(missing_ok=True)
    return True


def _start(home: Path, environ: Mapping[str, str]) -> Server:
    with _port() as port:
        return _start_at(port, home, environ)


def _start_at(port: int, home: Path, environ: Mapping[str, str]) -> Server:
    log = home / "prefect-server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start"],
            env={
                **BATCHES,
                **environ,
                "PREFECT_HOME": prefect_home(home, environ),
                # By environment and not by option: otherwise the UI calls port 4200.
                "PREFECT_SERVER_API_HOST": "127.0.0.1",
                "PREFECT_SERVER_API_PORT": str(port),
                "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            },
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    server = Server(process.pid, f"http://127.0.0.1:{port}/api")
    write_atomically(home / "server.json", json.dumps(asdict(server)).encode())
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if healthy(server.url, timeout=2.0):
            _make_work_pool(server)
            return server
        time.sleep(0.2)
    stop(home)
    raise ServerUnavailable(f"the Prefect server did not start; its log is {log}", kind="no server", lasting=True)


def _make_work_pool(server: Server) -> None:
    """`prefect deploy` refuses a deployment whose work pool is not there yet."""
    httpx.post(f"{server.url}/work_pools/", json={"name": WORK_POOL, "type": "process"}, timeout=30.0)


@contextmanager
def _port() -> Iterator[int]:
    """The usual one, unless it is taken, or about to be by a server of another home that starts just now."""
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(f"\0workbench-port-{PREFERRED_PORT}-{os.getuid()}")
            found = _free(PREFERRED_PORT) or _free(0)
        except OSError:
            found = _free(0)
        if found is None:
            raise ServerUnavailable("no port is free on the loopback interface", kind="no server", lasting=True)
        yield found


def _free(port: int) -> int | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        number: int = probe.getsockname()[1]
        return number
