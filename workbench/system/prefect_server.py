"""Starts and stops a Prefect server in the background. All runs use the same server.

The server must outlive the command that starts it. Therefore `workbench.system.process` does not start it. The server
is stopped by its process id.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from workbench.errors import ServerUnavailable
from workbench.system import loopback, server_client, server_port
from workbench.system.files import PRIVATE_FILE, private_files, write_atomically
from workbench.system.home import ensure_usable
from workbench.system.locks import exclusive_lock

#: The time limit for the start. Creating a new database takes 11 to 15 s on two cores, and longer on a slow disk.
START_SECONDS = 180.0
STOP_SECONDS = 15.0
#: How long the system may need until it shows the command line of a new process.
COMMAND_LINE_SECONDS = 5.0
#: These settings make the server write many task run states and events at once. By default it writes each on its own,
#: which causes a third of its work. The UI shows a state up to one interval later. Intervals are whole seconds: a
#: smaller value is cut to 0, and then the server only polls.
BATCHES = {
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "100",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "1",
}
#: The module that starts a Prefect server with a database that makes writers wait.
SERVER = "workbench.deployments.prefect_server"
#: The work pool that prefect.yaml names.
WORK_POOL = "workbench"


@dataclass(frozen=True)
class Server:
    """A Prefect server. `url` is the address of its API, in the form of PREFECT_API_URL."""

    pid: int
    url: str

    @property
    def ui(self) -> str:
        """Return the address of the Prefect UI."""
        return self.url.removesuffix("/api")


def prefect_home(home: Path, environ: Mapping[str, str]) -> str:
    """Return the folder in which Prefect keeps its database."""
    return environ.get("PREFECT_HOME") or str(home / "prefect")


def ensure(home: Path, environ: Mapping[str, str], say: Callable[[str], None]) -> Server:
    """Return the background server. Start it first if it does not run.

    Args:
        say: is called with a line for a person before the server starts.

    Raises:
        UserError: `home` cannot be written to.
        ServerUnavailable: the server did not start. Its log gives the reason.
    """
    ensure_usable(home)
    # The lock makes two runs that begin together start only one server.
    with exclusive_lock(home / "server.lock"):
        running = running_server(home)
        if running is not None and not server_client.healthy(running.url):
            say("waiting for the Prefect server in the background, which does not answer yet")
            if not _answers(running, lambda: running_server(home) is not None):
                # Two servers must not use the same database.
                stop(home)
                running = None
        if running is not None:
            _make_work_pool(running, environ)
            return running
        say("starting a Prefect server in the background (a few seconds; about 20 the first time)")
        return _start(home, environ)


def running_server(home: Path) -> Server | None:
    """Return the server that was started with this home if its process still exists, else None."""
    try:
        server = Server(**json.loads((home / "server.json").read_text(encoding="utf-8")))
        # Process ids are reused, so check that the process is the Prefect server, which works in the home.
        return server if _is_server(Path(f"/proc/{server.pid}"), home) else None
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def _is_server(process: Path, home: Path) -> bool:
    """Return whether the process with this folder in /proc works in the home and has the command of a server.

    For a moment after its start, a process has no command line yet.

    Raises:
        OSError: the process has ended.
    """
    deadline = time.monotonic() + COMMAND_LINE_SECONDS
    while (process / "cwd").samefile(home) and time.monotonic() < deadline:
        if command := (process / "cmdline").read_bytes():
            return b"prefect" in command and b"server" in command
        time.sleep(0.01)
    return False


def stop(home: Path) -> bool:
    """Stop the background server and its services. Return False if no server runs."""
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
    with server_port.unused(home, environ) as port:
        # A server that is started again has the same address, which the user's bookmarks and variables hold.
        write_atomically(home / server_port.PORT_FILE, f"{port}\n".encode(), PRIVATE_FILE)
        return _start_at(port, home, environ)


def _start_at(port: int, home: Path, environ: Mapping[str, str]) -> Server:
    """Start the server on this port, and return it as soon as it answers.

    Raises:
        ServerUnavailable: it did not answer within START_SECONDS.
    """
    log = home / "prefect-server.log"
    with private_files(), log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", SERVER],
            env={
                **BATCHES,
                **environ,
                **loopback.exceptions(environ),
                **server_client.client_variables(environ),
                "PREFECT_HOME": prefect_home(home, environ),
                # If the port were set by a command-line option, the UI would still call port 4200.
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
    write_atomically(home / "server.json", json.dumps(asdict(server)).encode(), PRIVATE_FILE)
    if _answers(server, lambda: process.poll() is None):
        _make_work_pool(server, environ)
        return server
    stop(home)
    raise ServerUnavailable(
        f"the Prefect server did not start within {START_SECONDS:.0f} s, or ended: see its log {log}",
        kind="no server",
        lasting=True,
    )


def _answers(server: Server, lives: Callable[[], bool]) -> bool:
    """Wait until a server answers. Return False if it does not within START_SECONDS, or if its process has ended.

    An interrupted command leaves its server behind while the server starts. The next command waits for this server.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and lives():
        if server_client.healthy(server.url, timeout=2.0):
            return True
        time.sleep(0.2)
    return False


def _make_work_pool(server: Server, environ: Mapping[str, str]) -> None:
    """Create the work pool if the server has none. Without it, `prefect deploy` refuses a deployment.

    This also checks that the server takes the login of this environment. It may have been started with another login.
    A server that has the pool only reads, because other writers could make it wait.

    Raises:
        ServerUnavailable: the server does not answer, refuses the login, or fails.
    """
    with server_client.api(server.url, environ) as client:
        try:
            client.get(f"/work_pools/{WORK_POOL}")
        except httpx.HTTPStatusError as error:
            if error.response.status_code != httpx.codes.NOT_FOUND:
                raise
            client.post("/work_pools/", json={"name": WORK_POOL, "type": "process"})
