"""Starts a command under a supervisor of its own (`workbench.system.supervisor`), notices its end, and stops it."""

from __future__ import annotations

import atexit
import contextlib
import marshal
import math
import os
import re
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from workbench.system.fork_server import ForkServer
from workbench.system.supervisor import GRACE, STOP


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
                    _fork_server.fork(supervisor_end, streams)
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
            while not self._tree_ended and readable(self._control.fileno()):
                self._receive()
        return self.exit_code if self._tree_ended else None

    def wait(self, seconds: float) -> int | None:
        """Wait for the end of the command and its tree. Return the exit code, or None if `seconds` have passed."""
        deadline = time.monotonic() + seconds
        while self.poll() is None and (rest := deadline - time.monotonic()) > 0:
            readable(self._control.fileno(), rest)
        return self.poll()

    def terminate(self) -> None:
        """Send TERM to the whole tree, and KILL after `GRACE` seconds. Do not wait. Any thread may call this."""
        with self._sending, contextlib.suppress(OSError):
            if not self.closed:
                self._control.send(STOP)

    def close(self) -> None:
        """Let go of the command. Its supervisor then ends processes that still run, as after `terminate`."""
        with self._sending, contextlib.suppress(OSError):
            self.closed = True
            # The other half stays open until the tree has ended, so that `_end_all` can wait for this.
            self._control.shutdown(socket.SHUT_WR)
        if self._tree_ended:
            self._control.close()

    def _request(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Ask the supervisor to start the command. Raise the error that the supervisor reports."""
        variables = {str(name): str(env[name]) for name in env}
        # The fork server has a working directory of its own, so a relative folder would mean another folder there.
        request = marshal.dumps((list(map(str, command)), str(Path(cwd).absolute()), variables, _umask()))
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
            raise OSError(f"the supervisor could not start {command[0]}: {rest}")
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
            _commands.discard(self)
            if self.closed:
                self._control.close()


def readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Wait until data or the end of the stream can be read. Return False if `seconds` pass before."""
    # `select.select` accepts no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, math.ceil(seconds * 1000))))


def _umask() -> int | None:
    """Return the file mode creation mask of this process, which the command inherits; None if the kernel does not tell.

    Then the command inherits the mask that this process had when the fork server was started.
    """
    # `os.umask` would change the mask for other threads meanwhile.
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    mask = re.search(r"^Umask:\s*([0-7]+)$", status, re.MULTILINE)
    return None if mask is None else int(mask[1], 8)


def _discard_ended() -> None:
    """Close the sockets of commands that were let go and have ended."""
    for command in list(_commands):
        if command.closed:
            command.poll()


def _end_all() -> None:
    """Let go of all commands, and wait until their trees have ended."""
    deadline = time.monotonic() + 2 * GRACE
    for command in list(_commands):
        command.close()
    for command in list(_commands):
        command.wait(deadline - time.monotonic())
    _fork_server.close()


def _forget_all() -> None:
    """Forget the parent's commands in a forked process. An open socket here would let them outlive the parent."""
    for command in _commands:
        command._control.close()
    _commands.clear()
    _fork_server.forget()
    _starting.release()


#: Held while both ends of a socket are open here. A fork that kept one end would hide the closing of the socket.
_starting = threading.Lock()
_fork_server = ForkServer()
#: The commands whose trees have not ended yet.
_commands: set[Supervised] = set()
atexit.register(_end_all)
os.register_at_fork(before=_starting.acquire, after_in_parent=_starting.release, after_in_child=_forget_all)
