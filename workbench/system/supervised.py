"""Commands under a supervisor (`workbench.system.supervisor`), seen from our side."""

from __future__ import annotations

import atexit
import contextlib
import json
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
from contextlib import ExitStack
from pathlib import Path

from workbench.system import supervisor
from workbench.system.supervisor import GRACE, LENGTH


class Supervised:
    """A command that runs, with all that it starts, until it ends or is told to; it does not outlive us.

    Its `fileno` becomes readable when there is something for `poll` to hear that it has not heard yet.
    """

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> None:
        """Start it with these descriptors for its standard streams; the caller closes its own copies.

        Raises:
            ValueError: no system could start it: it is empty, or has a NUL byte in it.
            FileNotFoundError, PermissionError, OSError: it cannot be started.
        """
        if not command:
            raise ValueError("a command is a program and its arguments, and this one is empty")
        self.exit_code: int | None = None
        #: It has ended, though what it left behind may not have.
        self.over = False
        self._heard = b""
        self._said = ""
        self._idle = self._told = self.closed = False
        self._sending, self._hearing = threading.Lock(), threading.Lock()
        self._control = _supervisors.take()
        try:
            self._ask(command, cwd, env, streams)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        return self._control.fileno()

    def poll(self) -> int | None:
        """Its exit code, negative for a signal, once it has ended and all of its tree with it. Does not wait."""
        with self._hearing:
            while self.exit_code is None and readable(self._control.fileno()):
                self._hear()
        return self.exit_code

    def wait(self, seconds: float) -> int | None:
        deadline = time.monotonic() + seconds
        while self.poll() is None and (left := deadline - time.monotonic()) > 0:
            readable(self._control.fileno(), left)
        return self.exit_code

    def terminate(self) -> None:
        """TERM to the whole tree, and KILL after `GRACE` seconds. Does not wait; may come from any thread."""
        with self._sending, contextlib.suppress(OSError):
            if not self.closed:
                self._told = True
                self._control.send(b"t")

    def close(self) -> None:
        """Let go of it: what still runs is ended as by `terminate`."""
        with self._sending:
            if not self.closed:
                # A supervisor that was told something may not have heard it yet.
                _supervisors.give_back(self._control, idle=self._idle and not self._told)
            self.closed = True

    def _ask(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> None:
        wanted = json.dumps({"command": list(command), "cwd": str(cwd), "env": dict(env)}).encode()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._control, [LENGTH.pack(len(wanted))], list(streams))
            self._control.sendall(wanted)
        while not self._said and self.exit_code is None:
            self._hear()
        if not self._said:
            raise OSError(f"{command[0]} was not executed: its supervisor, a {sys.executable}, is gone")
        word, _, said = self._said.partition(" ")
        if word == "refused":
            number, _, file = said.partition(" ")
            raise OSError(int(number), os.strerror(int(number)), json.loads(file))
        if word == "unfit":
            raise ValueError(f"{command[0]!r} cannot be executed like this: {said}")
        if word == "failed":
            raise RuntimeError(f"the supervisor could not start {command[0]}: {said}")

    def _hear(self) -> None:
        try:
            data = self._control.recv(4096)
        except ConnectionResetError:
            data = b""
        self._heard += data
        while b"\n" in self._heard:
            line, _, self._heard = self._heard.partition(b"\n")
            self._said = line.decode()
            word, _, rest = self._said.partition(" ")
            self._idle = word in ("ended", "refused", "unfit", "failed")
            self.over |= word == "over"
            if word in ("ended", "lost"):
                self.exit_code = os.waitstatus_to_exitcode(int(rest))
        if not data and self.exit_code is None:
            # Somebody killed the supervisor; the one above it ends the tree.
            self.exit_code = -signal.SIGKILL


class _Supervisors:
    """Those that wait for a command, and the server that forks new ones: a process, started when it is first wanted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []
        self._all: set[socket.socket] = set()
        self._requests: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def take(self) -> socket.socket:
        """The socket to one that has nothing to do."""
        with self._lock:
            while self._idle:
                control = self._idle.pop()
                if not readable(control.fileno()):
                    return control
                # Only its end makes one readable that was asked nothing.
                self._drop(control)
            with ExitStack() as refused:
                control, theirs = map(refused.enter_context, socket.socketpair())
                if not self._sent(theirs):
                    self._start()
                    # Should it be gone again already, the command hears that nobody answers.
                    self._sent(theirs)
                theirs.close()
                refused.pop_all()
            self._all.add(control)
            return control

    def give_back(self, control: socket.socket, *, idle: bool) -> None:
        with self._lock:
            if idle and control in self._all:
                self._idle.append(control)
            else:
                self._drop(control)

    def end(self) -> None:
        """Let go of all commands, and see their trees end."""
        self.let_go()
        if self._server is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(2 * GRACE)

    def let_go(self) -> None:
        for control in list(self._all):
            self._drop(control)
        if self._requests is not None:
            self._requests.close()

    def _drop(self, control: socket.socket) -> None:
        self._all.discard(control)
        control.close()

    def _sent(self, theirs: socket.socket) -> bool:
        if self._requests is None:
            return False
        try:
            socket.send_fds(self._requests, [b"c"], [theirs.fileno()])
        except OSError:
            return False
        return True

    def _start(self) -> None:
        if self._requests is not None:
            self._requests.close()
        if self._server is not None:
            self._server.poll()
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Killed by our name, as `pkill -9 -f workbench` does, it could end nothing of what runs: its command line is no
        # path of ours. And nothing of the user's Python is wanted there: it starts in a few hundredths of a second.
        python = Path(sys.executable).resolve()
        with theirs, Path(supervisor.__file__).open("rb") as source:
            try:
                self._server = subprocess.Popen(
                    [python, "-S", "-E", "-I", "-", str(theirs.fileno())],
                    cwd="/",
                    stdin=source,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            except OSError as error:
                # Not as it is: the command's own program would seem to be missing.
                raise OSError(f"nothing can be executed: {python} does not start: {error.strerror}") from error


def readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Wait until something can be read there, or its end."""
    # `select.select` takes no descriptor above 1023.
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(max(0, math.ceil(seconds * 1000))))


def _forked() -> None:
    """In a fork of ours: all of this is the parent's, and with its sockets open here its commands would outlive it."""
    global _supervisors
    _supervisors.let_go()
    if _supervisors._server is not None:
        # It is no child of this process, which must not wait for it.
        _supervisors._server.returncode = 0
    _supervisors = _Supervisors()


_supervisors = _Supervisors()
atexit.register(lambda: _supervisors.end())
os.register_at_fork(after_in_child=_forked)
