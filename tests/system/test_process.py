"""Real processes: bounded in time and output, ended with all that they started."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.errors import Interrupted
from workbench.system import process
from workbench.system.bounded import LIMIT
from workbench.system.process import Finished, ended_on_interrupt

pytestmark = pytest.mark.processes

ENV = {"PATH": os.environ["PATH"]}


def sh(script: str, folder: Path, timeout: float = 10.0) -> Finished:
    return process.run(["sh", "-c", script], cwd=folder, env=ENV, timeout=timeout)


def alive(file: Path) -> bool:
    """Whether the process that wrote its id there still runs: a killed one that nobody has waited for yet does not."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            state = Path("/proc", file.read_text().strip(), "stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state in "ZX":
            return False
        time.sleep(0.02)
    return True


def test_exit_code_and_both_streams_come_back(tmp_path: Path) -> None:
    """As bytes, in the folder and the environment that were given."""
    done = sh("pwd; echo oops >&2; env | wc -l; exit 3", tmp_path)
    assert (done.exit_code, done.stderr, done.timed_out) == (3, b"oops\n", False)
    assert done.stdout.startswith(str(tmp_path).encode())


def test_too_much_output_loses_its_middle(tmp_path: Path) -> None:
    """Head and tail are what matters; memory is bounded."""
    done = sh("echo first; yes | head -c 5000000; echo last", tmp_path)
    assert done.stdout.startswith(b"first\n")
    assert done.stdout.endswith(b"last\n")
    assert len(done.stdout) < LIMIT + 100
    assert b"bytes left out" in done.stdout


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_a_time_out_ends_the_whole_group(tmp_path: Path, stubborn: str) -> None:
    """Grandchildren too, also those that ignore the first signal."""
    begun = time.monotonic()
    done = sh(f"{stubborn}(sh -c 'echo $$ > child; sleep 60') & sleep 60", tmp_path, timeout=0.5)
    assert done.timed_out
    assert time.monotonic() - begun < 5
    assert not alive(tmp_path / "child")


def test_what_a_command_leaves_running_ends_with_it(tmp_path: Path) -> None:
    """It would hold the pipes open for as long as it likes."""
    begun = time.monotonic()
    done = sh("(sh -c 'echo $$ > child; sleep 60') & sleep 0.2; echo done", tmp_path)
    assert (done.exit_code, done.stdout) == (0, b"done\n")
    assert time.monotonic() - begun < 3
    assert not alive(tmp_path / "child")


def test_an_interrupt_ends_what_runs_in_every_thread(tmp_path: Path) -> None:
    """Within the time that a person waits, and nothing new is started after it."""

    def long(number: int) -> str:
        try:
            sh(f"echo $$ > {number}; sleep 60", tmp_path, timeout=60)
        except Interrupted:
            return "ended"
        return "finished"

    with ThreadPoolExecutor(4) as pool:
        with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
            running = [pool.submit(long, number) for number in range(4)]
            while len(list(tmp_path.iterdir())) < 4:
                time.sleep(0.01)
            begun = time.monotonic()
            raise KeyboardInterrupt
        assert [one.result(10) for one in running] == ["ended"] * 4
    assert time.monotonic() - begun < 5
    with pytest.raises(Interrupted):
        sh("true", tmp_path)
    with ended_on_interrupt():
        assert sh("true", tmp_path).exit_code == 0


def test_sixty_four_at_once_are_no_trouble(tmp_path: Path) -> None:
    """All come back, with their own output."""
    with ThreadPoolExecutor(64) as pool:
        done = list(pool.map(lambda n: sh(f"sleep 0.1; echo {n}", tmp_path), range(64)))
    assert [int(one.stdout) for one in done] == list(range(64))
    assert threading.active_count() < 70


def test_a_program_that_is_not_there_is_told(tmp_path: Path) -> None:
    """To be translated by whoever wanted it."""
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        process.run(["no-such-program"], cwd=tmp_path, env=ENV, timeout=1)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Otherwise the program would seem to be missing."""
    with pytest.raises(FileNotFoundError, match="no such folder"):
        process.run(["true"], cwd=tmp_path / "no such folder", env=ENV, timeout=1)
    with pytest.raises(ValueError, match="executed"):
        process.run(["true"], cwd=Path("\0"), env=ENV, timeout=1)


@pytest.mark.parametrize(
    ("command", "env"),
    [
        ([], ENV),
        ([""], ENV),
        (["true", "\0"], ENV),
        (["tr\0ue"], ENV),
        (["true", "\ud800"], ENV),
        (["true"], {"A=B": "C"}),
    ],
)
def test_what_no_system_could_start_is_a_mistake_of_the_caller(
    tmp_path: Path, command: list[str], env: dict[str, str]
) -> None:
    """And told as such, not as a failure of the program."""
    with pytest.raises(ValueError, match=r"command|executed"):
        process.run(command, cwd=tmp_path, env=env, timeout=1)
    assert sh("exit 3", tmp_path).exit_code == 3


def service(script: str, folder: Path) -> process.Service:
    return process.Service(["sh", "-c", script], cwd=folder, env=ENV)


def test_a_service_says_one_line_and_stays_until_it_is_stopped(tmp_path: Path) -> None:
    """With all that it started."""
    running = service(
        "(sh -c 'echo $$ > child; sleep 60') & until [ -s child ]; do sleep 0.01; done; echo ready; wait", tmp_path
    )
    assert running.line(5) == "ready"
    assert running.runs
    running.stop()
    assert not running.runs
    assert not alive(tmp_path / "child")
    running.stop()


def test_a_service_may_say_as_much_as_it_likes(tmp_path: Path) -> None:
    """It never stands still for a reader, and memory is bounded."""
    script = "echo ready; yes | head -c 5000000; (yes oops | head -c 5000000) >&2; echo done > done; sleep 60"
    running = service(script, tmp_path)
    assert running.line(5) == "ready"
    deadline = time.monotonic() + 10
    while not (tmp_path / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "done").exists()
    running.stop()
    assert len(running.errors) < LIMIT + 100


def test_a_service_that_ends_or_says_nothing_is_told(tmp_path: Path) -> None:
    """Its last words are kept."""
    ended = service("echo boom >&2", tmp_path)
    assert ended.line(5) is None
    ended.wait(5)
    assert not ended.runs
    ended.stop()
    assert ended.errors == "boom\n"
    silent = service("sleep 60", tmp_path)
    assert silent.line(0.1) is None
    assert silent.runs
    silent.stop()


def test_what_is_refused_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """A command or a service: who tries again and again would have none left."""
    sh("true", tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(FileNotFoundError):
            process.run(["no-such-program"], cwd=tmp_path, env=ENV, timeout=1)
        with pytest.raises(FileNotFoundError):
            process.Service(["no-such-program"], cwd=tmp_path, env=ENV)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_service_that_closes_its_output_will_say_nothing(tmp_path: Path) -> None:
    """That is heard at once, though it runs on."""
    begun = time.monotonic()
    silent = service("exec >&-; sleep 60", tmp_path)
    assert silent.line(20) is None
    assert time.monotonic() - begun < 10
    assert silent.runs
    silent.stop()


def test_a_service_sees_that_we_are_done(tmp_path: Path) -> None:
    """Its standard input is open as long as we are there, and an interrupt ends it as any other process."""
    with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
        running = service("echo ready; cat > /dev/null", tmp_path)
        assert running.line(5) == "ready"
        assert running.runs
        raise KeyboardInterrupt
    running.wait(5)
    assert not running.runs
    running.stop()
    with ended_on_interrupt():
        pass
