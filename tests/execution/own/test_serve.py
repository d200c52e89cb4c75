"""The warm runtime: recovery after a crash, sharing, and its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.command_line import CHECKOUT, wait_for
from tests.support.executions import both, request
from tests.support.processes import beams
from workbench.errors import ExecutionFailed, Interrupted, MissingKey, OutsideError
from workbench.execution import program
from workbench.execution.own import project
from workbench.execution.own.serve import Serve, ServeSettings
from workbench.execution.runtimes import execute, runtime_of
from workbench.nouns import Engine, Execution
from workbench.rehearsal.server import Rehearsal, start
from workbench.system.process import ended_on_interrupt

pytestmark = pytest.mark.processes

SERVE = Engine("serve")


@pytest.fixture
def warm() -> Iterator[None]:
    runtime_of(SERVE).prepare()
    yield
    runtime_of(SERVE).close()
    assert not beams(os.getpid())


def executions_at_once(rehearsal: Rehearsal, home: Path, number: int = 32) -> list[Execution]:
    with ThreadPoolExecutor(number) as pool:
        prompts = [f"Write plan {n}" for n in range(number)]
        return list(pool.map(lambda prompt: execute(request(SERVE, both(rehearsal), prompt), home), prompts))


def test_a_killed_vm_loses_nothing(warm: None, tmp_path: Path) -> None:
    """After kill -9 in the middle of 32 executions, all end with the same results as without it."""
    with start(latency=1.0) as rehearsal, ThreadPoolExecutor(1) as pool:
        running = pool.submit(executions_at_once, rehearsal, tmp_path / "killed")
        wait_for(lambda: sum(rehearsal.calls.values()) > 8)
        (killed,) = beams(os.getpid())
        os.kill(killed, signal.SIGKILL)
        executions = running.result(300)
        assert killed not in beams(os.getpid())
        # A VM that knows none of them.
        runtime_of(SERVE).close()
        runtime_of(SERVE).prepare()
        rehearsal.latency = 0.0
        expected = [execution.text for execution in executions_at_once(rehearsal, tmp_path / "calm")]
    assert [execution.text for execution in executions] == expected
    assert all(item.problem is None and item.path.read_text() == item.text for item in executions)


def test_a_vm_that_died_while_nobody_used_it_is_started_again(warm: None, tmp_path: Path) -> None:
    """The only effect is the time of the start."""
    with start() as rehearsal:
        execute(request(SERVE, both(rehearsal)), tmp_path)
        os.kill(beams(os.getpid())[0], signal.SIGKILL)
        assert execute(request(SERVE, both(rehearsal), "Another"), tmp_path).problem is None


def test_a_vm_that_others_still_use_is_not_stopped(warm: None, tmp_path: Path) -> None:
    """Two studies of one process share the VM."""
    with start() as rehearsal:
        runtime_of(SERVE).prepare()
        execute(request(SERVE, both(rehearsal)), tmp_path)
        runtime_of(SERVE).close()
        assert len(beams(os.getpid())) == 1


def test_the_vm_ends_with_its_parent_process(tmp_path: Path) -> None:
    """After kill -9 of its parent process, the VM notices that its standard input has closed."""
    script = f"""
import sys, time
from pathlib import Path
from tests.support.executions import both, request
from workbench.errors import Interrupted
from workbench.system.process import ended_on_interrupt
from workbench.execution.runtimes import execute
from workbench.rehearsal.server import start
from workbench.nouns import Engine

with start() as rehearsal:
    execute(request(Engine("serve"), both(rehearsal)), Path({str(tmp_path)!r}))
    print("warm", flush=True)
    time.sleep(60)
"""
    project.compile_once()
    with subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, stdout=subprocess.PIPE) as python:
        assert python.stdout is not None
        assert python.stdout.readline() == b"warm\n"
        (vm,) = beams(python.pid)
        python.kill()
    wait_for(lambda: not Path(f"/proc/{vm}").exists(), seconds=30)


class Remote:
    """A runtime that somebody else started, with keys and addresses of its own."""

    def __init__(self, folder: Path, rehearsal: Rehearsal) -> None:
        token = folder / "token"
        token.touch(0o600)
        token.write_text("the token")
        env = project.environment(program.provider_variables(both(rehearsal)))
        command = ["mix", "pipeline.serve", "--token-file", str(token), "--until-stdin-closes", "--drain-seconds", "0"]
        self.process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.engine = Engine(
            "serve", ServeSettings(self.process.stdout.readline().strip().removeprefix("✅ Serving at "))
        )


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[tuple[Remote, Rehearsal]]:
    project.compile_once()
    with start() as rehearsal:
        elsewhere = Remote(tmp_path, rehearsal)
        with elsewhere.process:
            yield elsewhere, rehearsal
            runtime_of(elsewhere.engine).close()
            elsewhere.process.terminate()
            assert elsewhere.process.wait(100) == 0


def test_a_runtime_elsewhere_is_used_with_its_token(
    remote: tuple[Remote, Rehearsal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results and version are the same. A missing or wrong token is reported, and so are other addresses of models."""
    elsewhere, rehearsal = remote
    runtime = runtime_of(elsewhere.engine)
    (check,) = runtime.checks(request(elsewhere.engine, ()).pipeline, tmp_path, {})
    assert (check.passed, check.state) == (True, project.version())
    # A check uses the runtime for a moment, so that nothing has to close the runtime.
    assert isinstance(runtime, Serve)
    assert runtime._users == 0
    with pytest.raises(MissingKey, match="WORKBENCH_RUNTIME_TOKEN"):
        runtime.prepare()
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "wrong")
    with pytest.raises(ExecutionFailed) as caught:
        execute(request(elsewhere.engine, both(rehearsal)), tmp_path)
    assert (caught.value.kind, caught.value.lasting) == ("authentication", True)
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    assert execute(request(elsewhere.engine, both(rehearsal)), tmp_path).problem is None
    assert runtime.version() == project.version()
    with start() as other_rehearsal, pytest.raises(ExecutionFailed, match="give both the same address"):
        execute(request(elsewhere.engine, both(other_rehearsal)), tmp_path)


def test_a_runtime_elsewhere_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names its address."""
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    engine = Engine("serve", ServeSettings("http://127.0.0.1:1"))
    with pytest.raises(ExecutionFailed, match=r"no runtime answers at http://127\.0\.0\.1:1"):
        runtime_of(engine).prepare()
    with start() as rehearsal, pytest.raises(ExecutionFailed, match="no runtime answers"):
        execute(request(engine, both(rehearsal)), tmp_path)
    runtime_of(engine).close()


def test_an_interrupt_ends_waiting_executions(warm: None, tmp_path: Path) -> None:
    """The VM ends, too."""
    with start(latency=600) as rehearsal, ThreadPoolExecutor(4) as pool:
        with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
            running = [pool.submit(execute, request(SERVE, both(rehearsal), f"{n}"), tmp_path) for n in range(4)]
            wait_for(lambda: sum(rehearsal.calls.values()) >= 4)
            raise KeyboardInterrupt
        for future in running:
            with pytest.raises(Interrupted):
                # An answer takes five minutes at least.
                future.result(100)
    with ended_on_interrupt():
        pass


def test_the_same_execution_with_another_time_limit_is_a_new_request(
    remote: tuple[Remote, Rehearsal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The runtime refuses two different requests under one key, and the execution's key does not contain the limit."""
    elsewhere, rehearsal = remote
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    for seconds in (60.0, 61.0, 60.0):
        execution = execute(
            request(elsewhere.engine, both(rehearsal), timeout_seconds=seconds), tmp_path / str(seconds)
        )
        assert execution.problem is None


def test_no_token_stays_behind(tmp_path: Path) -> None:
    """The token's folder is removed as soon as the VM serves. Therefore kill -9 cannot leave it behind."""
    script = f"""
import time
from pathlib import Path
from tests.support.executions import both, request
from workbench.execution.runtimes import execute
from workbench.rehearsal.server import start
from workbench.nouns import Engine

with start() as rehearsal:
    execute(request(Engine("serve"), both(rehearsal)), Path({str(tmp_path / "home")!r}))
    print("warm", flush=True)
    time.sleep(60)
"""
    project.compile_once()
    (tmp_path / "tmp").mkdir()
    env = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    with subprocess.Popen([sys.executable, "-c", script], cwd=CHECKOUT, env=env, stdout=subprocess.PIPE) as python:
        assert python.stdout is not None
        assert python.stdout.readline() == b"warm\n"
        python.kill()
    assert not list((tmp_path / "tmp").glob("workbench-serve-*"))


def test_a_proxy_is_not_asked_for_our_own_vm_or_one_on_this_machine(
    warm: None, remote: tuple[Remote, Rehearsal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This holds even if the environment has a proxy and names no exceptions."""
    elsewhere, rehearsal = remote
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert runtime_of(elsewhere.engine).version() == project.version()
    assert execute(request(elsewhere.engine, both(rehearsal)), tmp_path).problem is None
    assert execute(request(SERVE, both(rehearsal)), tmp_path).problem is None


@contextmanager
def answering(run: object) -> Iterator[Engine]:
    """Serve a runtime elsewhere that answers every question about a run with this value, or with these bytes."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # http.server prescribes the name
            self._reply({"version": "1", "providers": {}} if self.path == "/health" else run)

        def do_POST(self) -> None:  # http.server prescribes the name
            self.rfile.read(int(self.headers["content-length"]))
            self._reply(run)

        def _reply(self, answer: object) -> None:
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(202)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    engine = Engine("serve", ServeSettings(f"http://127.0.0.1:{server.server_address[1]}"))
    try:
        yield engine
    finally:
        runtime_of(engine).close()
        server.shutdown()
        server.server_close()
        thread.join(5)


DONE = {"id": "1", "status": "done", "text": "a: 1"}


@pytest.mark.parametrize(
    "run",
    [
        b"\xff\xfe", b"", b"[" * 100_000, [], None, {"status": "done"}, {"id": 1, "status": "done"},
        {"id": "1", "status": ["done"]}, {**DONE, "text": None}, {**DONE, "status": "failed"},
        {**DONE, "status": "failed", "error": "x"}, {**DONE, "status": "failed", "error": {"kind": 7}},
        {**DONE, "files": {"../x": "x"}}, {**DONE, "files": {"a\0b": "x"}}, {**DONE, "files": {"x" * 300: "x"}},
    ],
)  # fmt: skip
def test_an_answer_of_any_form_is_no_defect_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: object
) -> None:
    """A runtime elsewhere may be of another version, or be another program."""
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    with answering(run) as engine, pytest.raises((OutsideError, OSError)) as caught:
        execute(request(engine, ()), tmp_path)
    # The command line and the flow report a file that the machine refuses as what it is.
    assert not isinstance(caught.value, OSError) or caught.value.strerror == "File name too long"


def test_files_and_texts_with_half_characters_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file can hold half a surrogate pair."""
    monkeypatch.setenv("WORKBENCH_RUNTIME_TOKEN", "the token")
    with answering({**DONE, "text": "a: \ud83d", "files": {"b": "\ud83d", "c": 7}}) as engine:
        assert execute(request(engine, ()), tmp_path).text == "a: ?"
    (files,) = tmp_path.rglob("plan_files")
    assert sorted((file.name, file.read_text()) for file in files.iterdir()) == [("b", "?"), ("c", "7")]
