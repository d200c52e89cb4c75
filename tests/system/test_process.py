"""Real processes: their time and output are limited, and they end with everything that they started."""

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
#: The longest wait for something that a quick machine does at once, in seconds. A busy machine may need long.
PATIENCE = 100.0
#: Writes the id of the shell into the file `child`, whole or not at all.
WRITE_ID = "echo $$ > part; mv part child"
UNTIL_WRITTEN = "until [ -e child ]; do sleep 0.01; done"


def sh(script: str, folder: Path, timeout: float = PATIENCE) -> Finished:
    return process.run(["sh", "-c", script], cwd=folder, env=ENV, timeout=timeout)


def alive(file: Path) -> bool:
    """Return True if the process that wrote its id into the file still runs.

    An ended process that waits to be reaped does not run.
    """
    stat = Path("/proc", file.read_text().strip(), "stat")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        try:
            state = stat.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state in "ZX":
            return False
        time.sleep(0.02)
    return True


def test_exit_code_and_both_streams_come_back(tmp_path: Path) -> None:
    """The streams are bytes. The command runs in the requested folder and environment."""
    finished = sh("pwd; echo oops >&2; env | wc -l; exit 3", tmp_path)
    assert (finished.exit_code, finished.stderr, finished.timed_out) == (3, b"oops\n", False)
    assert finished.stdout.startswith(str(tmp_path).encode())


def test_a_relative_folder_is_below_the_working_directory_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process that starts the command has a working directory of its own."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    assert [sh("pwd", Path(folder)).stdout for folder in (".", "sub")] == [
        f"{tmp_path}\n".encode(),
        f"{tmp_path}/sub\n".encode(),
    ]


def test_too_much_output_loses_its_middle(tmp_path: Path) -> None:
    """Head and tail matter most, and memory is limited."""
    finished = sh("echo first; yes | head -c 5000000; echo last", tmp_path)
    assert finished.stdout.startswith(b"first\n")
    assert finished.stdout.endswith(b"last\n")
    assert len(finished.stdout) < LIMIT + 100
    assert b"bytes left out" in finished.stdout


@pytest.mark.parametrize("stubborn", ["", "trap '' TERM; "])
def test_a_time_out_ends_the_whole_group(tmp_path: Path, stubborn: str) -> None:
    """Grandchildren end, too, even if they ignore the first signal."""
    script = f"{stubborn}(sh -c '{WRITE_ID}; sleep 600') & sleep 600"
    # A busy machine may need longer than the first time limit until the grandchild runs.
    for seconds in (0.5, 5.0, 50.0):
        finished = sh(script, tmp_path, timeout=seconds)
        assert finished.timed_out
        if (tmp_path / "child").exists():
            break
    assert finished.seconds < seconds + PATIENCE
    assert not alive(tmp_path / "child")


def test_processes_that_a_command_leaves_end_with_it(tmp_path: Path) -> None:
    """Such a process would hold the pipes open for any time."""
    finished = sh(f"(sh -c '{WRITE_ID}; sleep 600') & {UNTIL_WRITTEN}; echo done", tmp_path)
    assert (finished.exit_code, finished.stdout, finished.timed_out) == (0, b"done\n", False)
    assert not alive(tmp_path / "child")


def test_an_interrupt_ends_the_commands_of_all_threads(tmp_path: Path) -> None:
    """Everything ends while a person waits, and nothing new is started afterwards."""

    def long(number: int) -> str:
        try:
            sh(f"echo $$ > {number}; sleep 600", tmp_path, timeout=600)
        except Interrupted:
            return "ended"
        return "finished"

    with ThreadPoolExecutor(4) as pool:
        with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
            running = [pool.submit(long, number) for number in range(4)]
            while len(list(tmp_path.iterdir())) < 4:
                time.sleep(0.01)
            raise KeyboardInterrupt
        assert [future.result(PATIENCE) for future in running] == ["ended"] * 4
    with pytest.raises(Interrupted):
        sh("true", tmp_path)
    with ended_on_interrupt():
        assert sh("true", tmp_path).exit_code == 0


def test_sixty_four_commands_can_run_at_once(tmp_path: Path) -> None:
    """Each command returns its own output."""
    with ThreadPoolExecutor(64) as pool:
        finished = list(pool.map(lambda n: sh(f"sleep 0.1; echo {n}", tmp_path), range(64)))
    assert [int(future.stdout) for future in finished] == list(range(64))
    assert threading.active_count() < 70


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    """The caller translates the error."""
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
def test_an_impossible_command_is_a_mistake_of_the_caller(
    tmp_path: Path, command: list[str], env: dict[str, str]
) -> None:
    """The error is no failure of the program."""
    with pytest.raises(ValueError, match=r"command|executed"):
        process.run(command, cwd=tmp_path, env=env, timeout=1)
    assert sh("exit 3", tmp_path).exit_code == 3


def service(script: str, folder: Path) -> process.Service:
    return process.Service(["sh", "-c", script], cwd=folder, env=ENV)


def test_a_service_prints_one_line_and_runs_until_it_is_stopped(tmp_path: Path) -> None:
    """All processes that it started end with it."""
    running = service(
        f"(sh -c '{WRITE_ID}; sleep 600') & {UNTIL_WRITTEN}; echo ready; wait",
        tmp_path,
    )
    assert running.line(PATIENCE) == "ready"
    before = running.runs
    running.stop()
    assert (before, running.runs) == (True, False)
    assert not alive(tmp_path / "child")
    running.stop()


def test_a_service_may_print_any_amount(tmp_path: Path) -> None:
    """It never waits for a reader, and memory is limited."""
    script = "echo ready; yes | head -c 5000000; (yes oops | head -c 5000000) >&2; echo done > done; sleep 600"
    running = service(script, tmp_path)
    assert running.line(PATIENCE) == "ready"
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "done").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (tmp_path / "done").exists()
    running.stop()
    assert len(running.errors) < LIMIT + 100


def test_a_service_that_ends_or_prints_nothing_has_no_line(tmp_path: Path) -> None:
    """Its last output is kept."""
    service_that_ended = service("echo boom >&2", tmp_path)
    assert service_that_ended.line(PATIENCE) is None
    service_that_ended.wait(PATIENCE)
    assert not service_that_ended.runs
    service_that_ended.stop()
    assert service_that_ended.errors == "boom\n"
    silent = service("sleep 600", tmp_path)
    assert silent.line(0.1) is None
    assert silent.runs
    silent.stop()


def test_a_refused_command_leaves_no_descriptor_open(tmp_path: Path) -> None:
    """This holds for commands and services. Otherwise many tries would use up all descriptors."""
    sh("true", tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with pytest.raises(FileNotFoundError):
            process.run(["no-such-program"], cwd=tmp_path, env=ENV, timeout=1)
        with pytest.raises(FileNotFoundError):
            process.Service(["no-such-program"], cwd=tmp_path, env=ENV)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_service_that_closes_its_output_has_no_line(tmp_path: Path) -> None:
    """This is noticed at once, even if the service keeps running."""
    start = time.monotonic()
    silent = service("exec >&-; sleep 600", tmp_path)
    assert silent.line(3 * PATIENCE) is None
    assert time.monotonic() - start < PATIENCE
    assert silent.runs
    silent.stop()


def test_a_service_keeps_its_standard_input_until_an_interrupt_ends_it(tmp_path: Path) -> None:
    """Its standard input is open while Workbench runs, and an interrupt ends it like any other process."""
    with pytest.raises(KeyboardInterrupt), ended_on_interrupt():
        running = service("echo ready; cat > /dev/null", tmp_path)
        assert running.line(PATIENCE) == "ready"
        assert running.runs
        raise KeyboardInterrupt
    running.wait(PATIENCE)
    assert not running.runs
    running.stop()
    with ended_on_interrupt():
        pass
