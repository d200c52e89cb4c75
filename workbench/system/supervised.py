"""Start a command under a supervisor of its own (`workbench.system.supervisor`), hear of its end, and stop it."""

from __future__ import annotations

import atexit
import contextlib
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
from pathlib import Path

from workbench.system import supervisor
from workbench.system.supervisor import GRACE, STOP


class Supervised:
    """A command that runs, with all that it starts, until it ends or is stopped. It does not outlive Workbench.

    Its `fileno` becomes readable when there is news that `poll` has not taken yet.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> None:
        """Start it with these descriptors for its standard streams; the caller closes its own copies.

        Raises:
            ValueError: no system could start it: it is empty, or has a NUL byte in it.
            FileNotFoundError, PermissionError, OSError: it cannot be started.
        """
        if not command:
            raise ValueError("a command is a program and its arguments, and this one is empty")
        #: Known once the command itself has ended, though what it left behind may not have; negative for a signal.
        self.exit_code: int | None = None
        self.closed = False
        self._unread = b""
        self._answer = ""
        self._tree_ended = False
        self._sending, self._hearing = threading.Lock(), threading.Lock()
        with _starting:
            _discard_ended()
            self._control, theirs = socket.socketpair()
            try:
                with theirs:
                    self._supervisor = _start_supervisor(theirs, streams)
                _all.add(self)
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
        """Return the exit code once the command and all of its tree have ended. Does not wait."""
        with self._hearing:
            while not self._tree_ended and not self.closed and readable(self._control.fileno()):
                self._hear()
        return self.exit_code if self._tree_ended else None

    def wait(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while self.poll() is None and not self.closed and (left := deadline - time.monotonic()) > 0:
            readable(self._control.fileno(), left)
        return self.poll()

    def terminate(self) -> None:
        """Send TERM to the whole tree, and KILL after `GRACE` seconds. Does not wait; may come from any thread."""
        with self._sending, contextlib.suppress(OSError):
            if not self.closed:
                self._control.send(STOP)

    def close(self) -> None:
        """Let go of the command: what still runs is ended as by `terminate`."""
        with self._sending:
            self._control.close()
            self.closed = True

    def _request(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Have the supervisor start the command, and raise the error that the supervisor met."""
        request = marshal.dumps((list(map(str, command)), str(cwd), {str(name): str(env[name]) for name in env}))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._control.sendall(request)
        while not self._answer and not self._tree_ended:
            self._hear()
        if self._answer == "started":
            return
        while not self._tree_ended:
            self._hear()
        word, _, rest = self._answer.partition(" ")
        if word == "refused":
            number, _, place = rest.partition(" ")
            raise OSError(int(number), os.strerror(int(number)), str(cwd) if place == "folder" else command[0])
        if word == "unfit":
            raise ValueError(f"{command[0]!r} cannot be executed like this: {rest}")
        if word == "failed":
            raise RuntimeError(f"the supervisor could not start {command[0]}: {rest}")
        raise OSError(f"{command[0]} was not executed: its supervisor, a {sys.executable}, is gone")

    def _hear(self) -> None:
        """Take one piece of what the supervisor and its guard say; the end of it means that the tree has ended."""
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
                # A supervisor that was killed may have started the command and had no time to say so.
                self._answer = self._answer or "started"
            else:
                self._answer = line.decode()
        if not data:
            self._tree_ended = True
            if self.exit_code is None:
                # Somebody killed the supervisor and its guard.
                self.exit_code = -signal.SIGKILL
            self._supervisor.wait()
            _all.discard(self)


def readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Wait until something can be read there, or its end."""
    # `select.select` takes no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, math.ceil(seconds * 1000))))


def _start_supervisor(control: socket.socket, streams: Sequence[int]) -> subprocess.Popen[bytes]:
    """Start the guard, which forks the supervisor; both have the command's streams until the command has them."""
    python = Path(sys.executable).resolve()
    stdin, stdout, stderr = streams
    with Path(supervisor.__file__).open("rb") as text:
        passed = control.fileno(), text.fileno()
        try:
            # No path of Workbench's is on this command line, so `pkill -9 -f workbench` does not meet the supervisor.
            # Without site packages, Python starts in a few hundredths of a second.
            return subprocess.Popen(
                [python, "-I", "-S", f"/dev/fd/{text.fileno()}", *map(str, passed)],
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


def _discard_ended() -> None:
    """Reap the supervisors that were let go of and have ended since."""
    for one in list(_all):
        if one.closed and one._supervisor.poll() is not None:
            _all.discard(one)


def _end_all() -> None:
    """Let go of all commands, and see their trees end."""
    deadline = time.monotonic() + 2 * GRACE
    for one in list(_all):
        one.close()
    for one in list(_all):
        with contextlib.suppress(subprocess.TimeoutExpired):
            one._supervisor.wait(max(0.0, deadline - time.monotonic()))


def _forget_all() -> None:
    """In a fork of ours: the commands are the parent's, and they would outlive it if their sockets stayed open here."""
    for one in _all:
        one._control.close()
        # The supervisor is no child of this process, which must not wait for it.
        one._supervisor.returncode = 0
    _all.clear()
    _starting.release()


#: Held while both ends of a socket are open here: a fork that kept one would hide the end of it.
_starting = threading.Lock()
#: Those whose supervisor has not been reaped yet.
_all: set[Supervised] = set()
atexit.register(_end_all)
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_forget_all)
