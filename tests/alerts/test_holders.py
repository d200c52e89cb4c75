"""A flow run whose process has died is marked as crashed, and no other flow run is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.command_line import CHECKOUT
from tests.support.rights import without_roots_rights
from workbench.alerts.holders import KEPT_SECONDS, Death, Holder, held, mark_crashed
from workbench.system.locks import is_locked

SERVER = "http://127.0.0.1:4200/api"
#: Begins a flow run in a process that is killed at once.
DIE = """
import os, sys
from pathlib import Path
from workbench.alerts.holders import held
with held(Path(sys.argv[1]), sys.argv[2], sys.argv[3]):
    os.kill(os.getpid(), 9)
"""
#: Ends in some way after the block of a flow run has ended well.
END = """
import os, sys
from pathlib import Path
from workbench.alerts.holders import held
with held(Path(sys.argv[1]), sys.argv[2], sys.argv[3]):
    pass
{end}
"""
#: Makes a child that ends in order while the flow run goes on. Prints whether the file is still there.
FORK = """
import os, sys
from pathlib import Path
from workbench.alerts.holders import held
with held(Path(sys.argv[1]), sys.argv[2], sys.argv[3]):
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    print(len(list(Path(sys.argv[1], "flow-runs").iterdir())))
    os.kill(os.getpid(), 9)
"""
#: Looks at a home's flow runs. The server knows none of them.
LOOK = """
import sys
from pathlib import Path
from tests.alerts.test_holders import SERVER, FlowRuns
from workbench.alerts.holders import mark_crashed
mark_crashed(Path(sys.argv[1]), FlowRuns({}), SERVER)
"""


@dataclass
class FlowRuns:
    """The flow runs of a server, by id: the type of the state and the deployment's id.

    tests/flows/test_interruptions.py asks a real Prefect server.
    """

    states: dict[str, tuple[str, str | None]]
    changes: list[dict[str, Any]] = field(default_factory=list)

    def request(self, method: Any, path: Any, /, *, json: Any = None) -> httpx.Response:
        flow_run = path.split("/")[2]
        request = httpx.Request(method, f"{SERVER}{path}")
        if flow_run not in self.states:
            response = httpx.Response(404, request=request)
            raise httpx.HTTPStatusError("not found", request=request, response=response)
        if method == "POST":
            self.changes.append(json)
        kind, deployment = self.states[flow_run]
        body = {"name": f"run {flow_run}", "state": {"type": kind}, "deployment_id": deployment}
        return httpx.Response(200, json=body, request=request)


@dataclass
class Beginning(FlowRuns):
    """A server. Before its first answer arrives, a new process begins a flow run."""

    begin: Callable[[], object] | None = None

    def request(self, method: Any, path: Any, /, *, json: Any = None) -> httpx.Response:
        answer = super().request(method, path, json=json)
        begin, self.begin = self.begin, None
        if begin is not None:
            begin()
        return answer


def dead(home: Path, flow_run: str, server: str = SERVER, seconds: float = 0.0) -> None:
    """Write the file that a killed process leaves, which began the flow run so many seconds ago."""
    file = home / "flow-runs" / f"{flow_run}.dead"
    file.parent.mkdir(exist_ok=True)
    began = time.time() - seconds
    file.write_text(json.dumps(Holder(flow_run=flow_run, server=server, pid=7, host="h", began=began).to_json()))


def files(home: Path) -> list[str]:
    """Return the flow run of each file."""
    return sorted(file.name.partition(".")[0] for file in (home / "flow-runs").iterdir())


def forgotten(home: Path) -> bool:
    """Look after the server has the end of the run. Return True if this leaves no file, and so no lock."""
    return mark_crashed(home, FlowRuns({"a": ("COMPLETED", None)}), SERVER) == [] and files(home) == []


def opened(home: Path) -> list[str]:
    """Return the files of flow runs that this process has open."""
    targets = [os.path.realpath(descriptor) for descriptor in Path("/proc/self/fd").iterdir()]
    return [target for target in targets if target.startswith(f"{home.resolve()}/flow-runs/")]


@pytest.mark.processes
def test_a_run_whose_process_was_killed_is_marked_as_crashed(tmp_path: Path) -> None:
    """The message names the process. The second look finds nothing to do."""
    ended = subprocess.run([sys.executable, "-c", DIE, str(tmp_path), "a", SERVER], check=False)
    assert ended.returncode == -9
    (file,) = (tmp_path / "flow-runs").iterdir()
    holder = json.loads(file.read_text())
    server = FlowRuns({"a": ("RUNNING", None)})
    assert mark_crashed(tmp_path, server, SERVER) == [Death("a", "run a", marked=True)]
    (change,) = server.changes
    assert (change["state"]["type"], change["force"]) == ("CRASHED", True)
    assert f"The process {holder['pid']} on {holder['host']} ended, and" in change["state"]["message"]
    assert files(tmp_path) == []
    assert mark_crashed(tmp_path, server, SERVER) == []


@pytest.mark.processes
@pytest.mark.parametrize(("end", "code"), [("pass", 0), ("os.kill(os.getpid(), 9)", -9)])
@pytest.mark.parametrize(("state", "marked"), [("RUNNING", True), ("COMPLETED", False)])
def test_the_server_decides_whether_a_run_has_ended(
    tmp_path: Path, end: str, code: int, state: str, marked: bool
) -> None:
    """It gets the final state only after the block. A process can end in order although the server got none."""
    ended = subprocess.run([sys.executable, "-c", END.format(end=end), str(tmp_path), "a", SERVER], check=False)
    assert ended.returncode == code
    deaths = mark_crashed(tmp_path, FlowRuns({"a": (state, None)}), SERVER)
    assert deaths == ([Death("a", "run a", marked=True)] if marked else [])
    assert files(tmp_path) == []


@pytest.mark.processes
def test_a_child_that_ends_leaves_the_file_of_its_parent(tmp_path: Path) -> None:
    """The parent is killed later, and the next look must find its file."""
    command = [sys.executable, "-c", FORK, str(tmp_path), "a", SERVER]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-9, "1\n")


def test_a_process_gives_the_locks_of_its_ended_runs_back(tmp_path: Path) -> None:
    """It does so when it looks, once the server has the final state. Until then, the run is left alone."""
    with held(tmp_path, "a", SERVER):
        pass
    assert len(opened(tmp_path)) == 1
    assert mark_crashed(tmp_path, FlowRuns({"a": ("RUNNING", None)}), SERVER) == []
    assert files(tmp_path) == ["a"]
    assert forgotten(tmp_path)
    assert opened(tmp_path) == []


def test_a_run_whose_process_lives_is_left_alone(tmp_path: Path) -> None:
    server = FlowRuns({"a": ("RUNNING", None)})
    with held(tmp_path, "a", SERVER):
        assert mark_crashed(tmp_path, server, SERVER) == []
        assert files(tmp_path) == ["a"]
    assert forgotten(tmp_path)


def test_a_run_that_failed_is_held_until_its_process_ends(tmp_path: Path) -> None:
    """Prefect may try it again, and then it may be killed."""
    server = FlowRuns({"a": ("SCHEDULED", None)})
    with pytest.raises(ValueError, match="the first attempt"), held(tmp_path, "a", SERVER):
        raise ValueError("the first attempt")
    assert mark_crashed(tmp_path, server, SERVER) == []
    with held(tmp_path, "a", SERVER):
        assert mark_crashed(tmp_path, server, SERVER) == []
    assert files(tmp_path) == ["a"]
    assert forgotten(tmp_path)


@pytest.mark.parametrize(
    ("state", "deployment", "becomes"),
    [
        ("COMPLETED", None, None),
        ("CRASHED", None, None),
        ("FAILED", None, None),
        ("PENDING", None, "CRASHED"),
        ("PENDING", "d", None),
        ("CANCELLING", "d", "CANCELLED"),
        ("SCHEDULED", None, "CRASHED"),
        ("SCHEDULED", "d", None),
    ],
)
def test_the_state_of_a_dead_run_decides_whether_it_is_marked(
    tmp_path: Path, state: str, deployment: str | None, becomes: str | None
) -> None:
    """A run that has ended stays as it is. A worker starts a scheduled run of a deployment again.

    The file stays as long as the run may still end without a word.
    """
    dead(tmp_path, "a")
    server = FlowRuns({"a": (state, deployment)})
    deaths = mark_crashed(tmp_path, server, SERVER)
    marked = [True] if becomes else [False] if state in ("CRASHED", "FAILED") else []
    assert [death.marked for death in deaths] == marked
    assert [change["state"]["type"] for change in server.changes] == ([becomes] if becomes else [])
    waits = deployment is not None and becomes is None
    assert files(tmp_path) == (["a"] if waits else [])


@pytest.mark.parametrize("state", ["SCHEDULED", "PENDING", "RUNNING"])
def test_a_run_that_begins_again_during_a_look_is_left_alone(tmp_path: Path, state: str) -> None:
    """The server's answer is old when it arrives. A later kill must still be noticed."""
    dead(tmp_path, "a")
    with ExitStack() as second_attempt:
        server = Beginning({"a": (state, "d")}, begin=lambda: second_attempt.enter_context(held(tmp_path, "a", SERVER)))
        assert mark_crashed(tmp_path, server, SERVER) == []
        server.states["a"] = ("RUNNING", "d")
        assert mark_crashed(tmp_path, server, SERVER) == []
        (living,) = (file for file in (tmp_path / "flow-runs").iterdir() if is_locked(file))
        assert server.changes == []
        assert json.loads(living.read_text())["pid"] == os.getpid()
    assert forgotten(tmp_path)


def test_a_run_of_another_server_waits_for_that_server(tmp_path: Path) -> None:
    """It does not wait for ever. A run that our own server has forgotten is forgotten, and so is a damaged file."""
    dead(tmp_path, "here")
    dead(tmp_path, "there", "http://127.0.0.1:9/api", KEPT_SECONDS - 60)
    dead(tmp_path, "long-ago", "http://127.0.0.1:9/api", KEPT_SECONDS + 60)
    (tmp_path / "flow-runs" / "damaged").write_bytes(b"\xff")
    assert mark_crashed(tmp_path, FlowRuns({}), SERVER) == []
    assert files(tmp_path) == ["there"]


@pytest.mark.processes
def test_the_file_of_another_user_disturbs_nobody(tmp_path: Path) -> None:
    """A killed `sudo workbench run` leaves such a file. Nobody else can tell whether its process lives."""
    for flow_run in ("mine", "of-another-user"):
        dead(tmp_path, flow_run)
    (tmp_path / "flow-runs" / "of-another-user.dead").chmod(0)
    command = [*without_roots_rights(), sys.executable, "-c", LOOK, str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, check=True)
    assert files(tmp_path) == ["of-another-user"]
