"""No process of a command outlives the command or Workbench."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from workbench.system import process
from workbench.system.bounded import LIMIT
from workbench.system.files import private_files
from workbench.system.process import Finished
from workbench.system.supervised import Supervised
from workbench.system.supervisor import GRACE, SHORT_GRACE

pytestmark = pytest.mark.processes

RUNNER = Path(__file__).parents[1] / "support" / "runner.py"
MARK = "WORKBENCH_TEST_TREE"

#: Trees that are hard to end, each with a part in a session of its own that ignores TERM.
STUBBORN = "setsid sh -c 'trap \"\" TERM; while :; do sleep 0.2; done' & sleep 60"
DAEMON = "(setsid -f sleep 61 &) ; (sleep 62 &) ; trap '' TERM; while :; do sleep 0.2; done"
BRIEF = "(setsid -f sleep 63 &) ; sleep 0.05"
#: The longest wait for something that a quick machine does at once, in seconds. A busy machine may need long.
PATIENCE = 100.0


def sh(script: str, tree: str, timeout: float = PATIENCE) -> Finished:
    env = {"PATH": os.environ["PATH"], MARK: tree}
    return process.run(["sh", "-c", script], cwd=Path("/"), env=env, timeout=timeout)


@pytest.fixture
def tree() -> Iterator[str]:
    """Yield a mark for the environment of all processes of a test.

    Afterwards, end the processes that a failed test left.
    """
    yield (mark := uuid.uuid4().hex)
    for pid in marked(mark):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def marked(tree: str, file: str = "cmdline") -> dict[int, str]:
    """Return the command lines, or another file, of all processes with the mark.

    Clearing its arguments hides no process.
    """
    contents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"{MARK}={tree}".encode() in (folder / "environ").read_bytes():
                contents[int(folder.name)] = (folder / file).read_bytes().replace(b"\0", b" ").decode()
    return contents


def alive(tree: str) -> list[str]:
    return list(marked(tree).values())


def timed_out(script: str, tree: str, ready: Path) -> Finished:
    """Run a script into its time limit. The limit grows until the script had the time to make the file `ready`."""
    for seconds in (0.5, 5.0, 50.0):
        finished = sh(script, tree, timeout=seconds)
        if ready.exists():
            break
    assert finished.timed_out and ready.exists()
    return finished


def begun(tree: str) -> None:
    """Wait until a helper runs that is hard to end."""
    deadline = time.monotonic() + PATIENCE
    while "sleep 0.2 " not in alive(tree):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def gone(tree: str) -> list[str]:
    """Wait until no process of the tree runs. Return what still runs after a long time."""
    deadline = time.monotonic() + PATIENCE
    while (remaining := alive(tree)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return remaining


@pytest.mark.parametrize("script", [STUBBORN, DAEMON])
def test_a_time_out_ends_daemons_too(tree: str, script: str) -> None:
    """TERM comes first, then KILL. When `run` returns, all processes have ended."""
    finished = sh(script, tree, timeout=0.5)
    assert finished.timed_out
    assert alive(tree) == []
    # The processes themselves end after a minute.
    assert finished.seconds < 50


def test_what_a_command_left_in_another_session_ends_with_it(tree: str) -> None:
    """Helper programs of pipelines are such processes."""
    assert sh(f"{BRIEF}; exit 7", tree).exit_code == 7
    assert alive(tree) == []


def test_a_process_with_another_environment_is_ended_too(tmp_path: Path, tree: str) -> None:
    """Every descendant of the command is ended, whatever its environment and its arguments are."""
    write_id = f"echo $$ > {tmp_path}/part; mv {tmp_path}/part {tmp_path}/pid"
    until_written = f"until [ -e {tmp_path}/pid ]; do sleep 0.01; done"
    sh(f"env -i setsid -f /bin/sh -c '{write_id}; exec sleep 600'; {until_written}", tree)
    pid = (tmp_path / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()


def test_all_processes_get_time_to_end_in_order(tmp_path: Path, tree: str) -> None:
    """Helpers get the time, too, even if the command itself has ended before them."""
    note = f"trap 'sleep 0.5; echo tidy > {tmp_path}/note; exit' TERM; touch {tmp_path}/ready"
    # A busy machine may need longer than GRACE for one helper, but not for five in a row.
    for _ in range(5):
        (tmp_path / "ready").unlink(missing_ok=True)
        timed_out(f'setsid sh -c "{note}; while :; do sleep 0.1; done" & exec sleep 600', tree, tmp_path / "ready")
        if (tmp_path / "note").exists():
            break
    assert (tmp_path / "note").read_text() == "tidy\n"


def test_processes_that_a_command_leaves_may_end_in_order(tmp_path: Path, tree: str) -> None:
    """A helper may have to save files, even if its pipeline has ended well."""
    note = f"trap 'sleep 0.1; echo tidy > {tmp_path}/note; exit' TERM; touch {tmp_path}/ready"
    wait = f"until [ -e {tmp_path}/ready ]; do sleep 0.01; done"
    # A busy machine may need longer than SHORT_GRACE for one helper, but not for ten in a row.
    for _ in range(10):
        (tmp_path / "ready").unlink(missing_ok=True)
        assert sh(f'setsid sh -c "{note}; while :; do sleep 0.1; done" & {wait}; exit 3', tree).exit_code == 3
        if (tmp_path / "note").exists():
            break
    assert (tmp_path / "note").read_text() == "tidy\n"


def test_processes_that_a_command_leaves_delay_its_result_only_shortly(tree: str) -> None:
    """Without such a process, nothing waits. The wait does not count as the command's time."""
    # A busy machine may need longer than these limits for one command, but not for ten in a row.
    for _ in range(10):
        stubborn = sh(f"{STUBBORN.removesuffix('sleep 60')} sleep 0.1; exit 3", tree, timeout=SHORT_GRACE)
        if not stubborn.timed_out and stubborn.seconds < GRACE:
            break
    assert (stubborn.exit_code, stubborn.timed_out) == (3, False)
    assert SHORT_GRACE < stubborn.seconds < GRACE
    assert alive(tree) == []
    assert any(sh("true", tree).seconds < SHORT_GRACE / 2 for _ in range(10))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGHUP])
def test_the_signal_that_ended_a_command_comes_through(tree: str, number: signal.Signals) -> None:
    """It is reported as `subprocess` reports it."""
    assert sh(f"kill -{number.value} $$", tree).exit_code == -number


def test_every_exit_code_comes_through(tree: str) -> None:
    """All 256 exit codes are tested."""
    assert [sh(f"exit {code}", tree).exit_code for code in range(0, 256, 17)] == list(range(0, 256, 17))


def test_a_command_gets_its_three_streams_and_nothing_else(tree: str) -> None:
    """With a copy of a pipe its end would never be noticed, and on the control socket it could report a false end."""
    for _ in range(2):
        # The fourth is the folder that `ls` reads.
        assert sh("exec ls /proc/self/fd", tree).stdout.split() == [b"0", b"1", b"2", b"3"]


def test_both_pipes_filled_at_once_block_nobody(tree: str) -> None:
    """Memory is limited."""
    finished = sh("yes out | head -c 9000000 & yes err | head -c 9000000 >&2; wait", tree)
    assert finished.exit_code == 0
    assert all(LIMIT <= len(stream) < LIMIT + 100 for stream in (finished.stdout, finished.stderr))


def test_a_command_that_closes_its_pipes_is_waited_for(tree: str) -> None:
    """Closed pipes are no end, and the time limit still counts."""
    assert sh("exec >&- 2>&-; sleep 0.5; exit 4", tree).exit_code == 4
    assert sh("exec >&- 2>&-; sleep 60", tree, timeout=0.3).timed_out
    assert alive(tree) == []


def test_a_large_environment_and_a_long_argument_arrive_whole(tree: str) -> None:
    """This holds up to the system's limits. Beyond them, the system's own error is raised."""
    env = {"PATH": os.environ["PATH"], "LARGE": "ä" * 60_000}
    command = ["sh", "-c", 'printf "%s%s" "$LARGE" "$1"', "sh", "ö\udc80" * 30_000]
    finished = process.run(command, cwd=Path("/"), env=env, timeout=PATIENCE)
    assert finished.stdout == ("ä" * 60_000).encode() + b"\xc3\xb6\x80" * 30_000
    with pytest.raises(OSError, match="Argument list too long"):
        process.run(["true", "x" * 200_000], cwd=Path("/"), env=env, timeout=PATIENCE)


def test_a_killed_supervisor_takes_its_tree_with_it(tree: str) -> None:
    """The command is reported as killed, and the next command works as usual."""
    finished = sh(f"{STUBBORN.removesuffix('sleep 60')} kill -9 $PPID; sleep 60", tree)
    assert (finished.exit_code, gone(tree)) == (-signal.SIGKILL, [])
    assert sh("exit 3", tree).exit_code == 3


def test_a_command_without_its_guard_is_supervised_to_its_end(tree: str) -> None:
    """The guard is only there for a killed supervisor, so a killed guard changes nothing."""
    kill = "kill -9 $(cut -d ' ' -f 4 /proc/$PPID/stat)"
    assert sh(f"{kill}; {BRIEF}; exit 5", tree).exit_code == 5
    assert alive(tree) == []
    assert sh(f"{kill}; {STUBBORN}", tree, timeout=0.5).timed_out
    assert alive(tree) == []


def test_no_supervisor_stays_behind_as_a_zombie(tree: str) -> None:
    """This holds for ended commands, refused commands and commands that nobody waited for."""
    let_go = Supervised(["sleep", "60"], Path("/"), {MARK: tree, "PATH": os.environ["PATH"]}, [0, 1, 2])
    let_go.close()
    with pytest.raises(FileNotFoundError):
        process.run(["no-such-program"], cwd=Path("/"), env={}, timeout=PATIENCE)
    assert gone(tree) == []
    deadline = time.monotonic() + PATIENCE
    while (remaining := zombies()) and time.monotonic() < deadline:
        assert sh("exit 3", tree).exit_code == 3
    assert remaining == []


def children(pid: int | str) -> list[str]:
    """Return the process ids of a process's children; none if the process has ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [child for task in tasks for child in (task / "children").read_text().split()]
    return []


def zombies() -> list[str]:
    """Return the children of this process and of its fork server that have ended and were not waited for."""
    ours = children(os.getpid())
    stats = []
    for pid in ours + [pid for child in ours for pid in children(child)]:
        # A process can be waited for at any moment. Then it is no zombie any more.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            stats.append(Path("/proc", pid, "stat").read_text())
    return [stat for stat in stats if stat.rpartition(")")[2].split()[0] == "Z"]


def fork_servers() -> list[int]:
    """Return the process ids of the children of this process that fork supervisors."""
    return [int(pid) for pid in children(os.getpid()) if Path("/proc", pid, "comm").read_text() == "supervisor\n"]


def test_a_killed_fork_server_harms_no_running_command(tmp_path: Path, tree: str) -> None:
    """A running command is supervised to its end, and later commands get a new fork server."""
    with ThreadPoolExecutor(1) as pool:
        script = f"touch {tmp_path}/ready; until [ -e {tmp_path}/go ]; do sleep 0.01; done; {BRIEF}; exit 7"
        running = pool.submit(sh, script, tree)
        wait_for(tmp_path / "ready")
        (old_server,) = fork_servers()
        os.kill(old_server, signal.SIGKILL)
        # It may read one more request before it ends. This command is not executed, and says so.
        with contextlib.suppress(OSError):
            sh("true", tree)
        assert sh("exit 3", tree).exit_code == 3
        (tmp_path / "go").touch()
        assert running.result(PATIENCE).exit_code == 7
    assert alive(tree) == []
    (new_server,) = fork_servers()
    assert new_server != old_server


def wait_for(file: Path) -> None:
    """Wait until a script has made a file."""
    deadline = time.monotonic() + PATIENCE
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_command_inherits_the_mask_of_its_start(tmp_path: Path, tree: str) -> None:
    """The fork server may be older than the block of private files that a command starts in."""
    sh(f"touch {tmp_path}/before", tree)
    with private_files():
        sh(f"touch {tmp_path}/private", tree)
    sh(f"touch {tmp_path}/after", tree)
    modes = [(tmp_path / name).stat().st_mode & 0o777 for name in ("before", "private", "after")]
    assert modes[1] == 0o600
    assert modes[0] == modes[2] != 0o600


def test_the_first_program_of_the_path_that_can_be_executed_is_started(tmp_path: Path, tree: str) -> None:
    """Folders that do not exist, and files that cannot be executed, are passed over."""
    for number, mode in enumerate((0o600, 0o700, 0o700)):
        (tmp_path / str(number)).mkdir()
        program = tmp_path / str(number) / "program"
        program.write_text(f"#!/bin/sh\nexit {number}\n")
        program.chmod(mode)
    env = {"PATH": f"{tmp_path}/missing:{tmp_path}/0:{tmp_path}/1:{tmp_path}/2", MARK: tree}
    assert process.run(["program"], cwd=tmp_path, env=env, timeout=PATIENCE).exit_code == 1


@pytest.mark.parametrize(("file", "pattern"), [("cmdline", "workbench"), ("comm", "python")])
def test_killing_processes_by_our_name_leaves_no_process(tree: str, file: str, pattern: str) -> None:
    """`pkill -9 -f workbench` and `pkill -9 python` kill Workbench, but not the processes that end its commands."""
    workbench = runner(tree, "-X", "workbench")
    begun(tree)
    killed = [pid for pid, content in marked(tree, file).items() if pattern in content]
    assert workbench.pid in killed
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    workbench.wait(PATIENCE)
    assert gone(tree) == []


@pytest.mark.parametrize("python", ["/bin/false", "/no/such/python"])
def test_a_supervisor_that_cannot_be_started_is_an_error_of_its_own(tree: str, python: str) -> None:
    """It is not reported as a killed command or as a missing program."""
    code = f"import sys, pathlib; sys.executable = {python!r}; from workbench.system import process"
    code += "\ntry: print(process.run(['true'], cwd=pathlib.Path('/'), env={}, timeout=60))"
    code += "\nexcept OSError as error: print(type(error).__name__, error)"
    finished = process.run([sys.executable, "-c", code], cwd=Path.cwd(), env=dict(os.environ), timeout=PATIENCE)
    assert finished.stdout.startswith(b"OSError "), finished
    assert python.encode() in finished.stdout


def test_a_forked_process_does_not_hold_the_parents_commands(tree: str) -> None:
    """A forked process does not hold its parent's commands, and supervises its own."""
    pid = os.fork()
    if pid == 0:
        os._exit(sh("exit 5", tree).exit_code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert sh("exit 6", tree).exit_code == 6


def test_fifty_kills_at_any_moment_leave_no_process(tree: str) -> None:
    """Workbench gets KILL, TERM or INT, and its trees resist as much as they can."""
    chance = random.Random(4)
    for _ in range(5):
        runners = [runner(f"{tree}-{number}") for number in range(10)]
        for number, workbench in enumerate(runners):
            time.sleep(chance.uniform(0, 0.3))
            workbench.send_signal((signal.SIGKILL, signal.SIGTERM, signal.SIGINT)[number % 3])
        for workbench in runners:
            while not has_ended(workbench, 5):
                # Python can lose an interrupt while it starts. A user then presses Ctrl-C again.
                workbench.send_signal(signal.SIGINT)
        assert gone(tree) == []


def has_ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Return True as soon as the process has ended, and False after this many seconds."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    return process.returncode is not None


def runner(tree: str, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *options, str(RUNNER), STUBBORN, DAEMON, BRIEF, "true"],
        env={**os.environ, MARK: tree},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
