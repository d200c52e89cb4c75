"""Starts a command under a supervisor of its own (`workbench.system.supervisor`), notices its end, and stops it."""

from __future__ import annotations

import atexit
import contextlib
import functools
import marshal
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path

from workbench.system import supervisor
from workbench.system.supervisor import GRACE, STOP

#: The program of a supervisor's process. It reads the code through a descriptor of its own, whose position starts at 0.
RUN_CODE = "import marshal, sys; exec(marshal.load(open(f'/dev/fd/{sys.argv[2]}', 'rb')))"


class Supervised:
    """A running command with all processes that it starts. None of them outlives Workbench.

    Its `fileno` becomes readable when there is news that `poll` has not read yet.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> None:
        """Start the command with these descriptors as its standard streams. The caller closes its own copies.

        Raises:
            ValueError: no system can start the command: it is empty, or has a NUL byte in it.
            FileNotFoundError, PermissionError, OSError: the command cannot be started.
        """
        if not command:
            raise ValueError("a command is a program and its arguments, and this one is empty")
        #: The exit code, negative for a signal. None until the command itself has ended; its tree may still run.
        self.exit_code: int | None = None
        self.closed = False
        self._unread = b""
        self._answer = ""
        self._tree_ended = False
        self._sending, self._receiving = threading.Lock(), threading.Lock()
        with _starting:
            _discard_ended()
            self._control, supervisor_end = socket.socketpair()
            try:
                with supervisor_end:
                    self._supervisor = _start_supervisor(supervisor_end, streams)
                _commands.add(self)
            except BaseException:
                self._control.close()
                raise
        try:
            self._request(command, cwd, env)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        return self._control.fileno()

    def poll(self) -> int | None:
        """Return the exit code if the command and its whole tree have ended, else None. Do not wait."""
        with self._receiving:
            while not self._tree_ended and not self.closed and readable(self._control.fileno()):
                self._receive()
        return self.exit_code if self._tree_ended else None

    def wait(self, seconds: float) -> int | None:
        """Wait for the end of the command and its tree. Return the exit code, or None if `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and not self.closed and (rest := deadline - time.monotonic()) > 0:
            readable(self._control.fileno(), rest)
        return self.poll()

    def terminate(self) -> None:
        """Send TERM to the whole tree, and KILL after `GRACE` seconds. Do not wait. Any thread may call this."""
        with self._sending, contextlib.suppress(OSError):
            if not self.closed:
                self._control.send(STOP)

    def close(self) -> None:
        """Close the connection to the supervisor. It then ends processes that still run, as after `terminate`."""
        with self._sending:
            self._control.close()
            self.closed = True

    def _request(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Ask the supervisor to start the command. Raise the error that the supervisor reports."""
        request = marshal.dumps((list(map(str, command)), str(cwd), {str(name): str(env[name]) for name in env}))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(request)
        while not self._answer and not self._tree_ended:
            self._receive()
        if self._answer == "started":
            return
        while not self._tree_ended:
            self._receive()
        word, _, rest = self._answer.partition(" ")
        if word == "refused":
            number, _, place = rest.partition(" ")
            raise OSError(int(number), os.strerror(int(number)), str(cwd) if place == "folder" else command[0])
        if word == "unfit":
            raise ValueError(f"{command[0]!r} cannot be executed like this: {rest}")
        if word == "failed":
            raise RuntimeError(f"the supervisor could not start {command[0]}: {rest}")
        raise OSError(f"{command[0]} was not executed: its supervisor, a {sys.executable}, is gone")

    def _receive(self) -> None:
        """Read the next lines of the supervisor and its guard. The end of the stream means that the tree has ended."""
        try:
            data = self._control.recv(4096)
        except ConnectionResetError:
            data = b""
        self._unread += data
        while b"\n" in self._unread:
            line, _, self._unread = self._unread.partition(b"\n")
            word, _, rest = line.decode().partition(" ")
            if word == "over":
                if self.exit_code is None:
                    self.exit_code = os.waitstatus_to_exitcode(int(rest))
                # A supervisor that was killed may have started the command without reporting it.
                self._answer = self._answer or "started"
            else:
                self._answer = line.decode()
        if not data:
            self._tree_ended = True
            if self.exit_code is None:
                # Somebody killed the supervisor and its guard.
                self.exit_code = -signal.SIGKILL
            self._supervisor.wait()
            _commands.discard(self)


def readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Wait until data or the end of the stream can be read. Return False if `seconds` pass before."""
    # `select.select` accepts no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, math.ceil(seconds * 1000))))


def _start_supervisor(control: socket.socket, streams: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the guard, which forks the supervisor. Both hold the command's streams until the command has started."""
    python = Path(sys.executable).resolve()
    stdin, stdout, stderr = streams
    passed = control.fileno(), _supervisor_code()
    try:
        # No path of Workbench's is on this command line, so `pkill -9 -f workbench` does not meet the supervisor.
        # Without site packages, Python starts in a few hundredths of a second.
        return subprocess.Popen(
            [python, "-I", "-S", "-c", RUN_CODE, *map(str, passed)],
            cwd="/",
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=passed,
            start_new_session=True,
        )
    except OSError as error:
        # A FileNotFoundError would say that the command's own program is missing.
        raise OSError(f"nothing can be executed: {python} does not start: {error.strerror}") from error


@functools.cache
def _supervisor_code() -> int:
    """Return the descriptor of a file in memory that holds the compiled code of the supervisor.

    Compiling the code would take a fifth of the time of each start.
    """
    code = SourceFileLoader(supervisor.__name__, supervisor.__file__).get_code(supervisor.__name__)
    descriptor = os.memfd_create("supervisor")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(marshal.dumps(code))
    return descriptor


def _discard_ended() -> None:
    """Reap the supervisors of closed commands that have ended."""
    for command in list(_commands):
        if command.closed and command._supervisor.poll() is not None:
            _commands.discard(command)


def _end_all() -> None:
    """Close all commands, and wait until their trees have ended."""
    deadline = time.monotonic() + 2 * GRACE
    for command in list(_commands):
        command.close()
    for command in list(_commands):
        with contextlib.suppress(subprocess.TimeoutExpired):
            command._supervisor.wait(max(0.0, deadline - time.monotonic()))


def _forget_all() -> None:
    """Forget the parent's commands in a forked process. An open socket here would let them outlive the parent."""
    for command in _commands:
        command._control.close()
        # The supervisor is no child of this process, which must not wait for it.
        command._supervisor.returncode = 0
    _commands.clear()
    _starting.release()


#: Held while both ends of a socket are open here. A fork that kept one end would hide the closing of the socket.
_starting = threading.Lock()
#: The commands whose supervisors have not been reaped yet.
_commands: set[Supervised] = set()
atexit.register(_end_all)
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_forget_all)
