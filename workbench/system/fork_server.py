"""Starts the fork server (`workbench.system.supervisor`), and asks it for the supervisors of commands."""

from __future__ import annotations

import contextlib
import marshal
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path

from workbench.system import supervisor
from workbench.system.supervisor import FORK, GRACE

#: The program of the fork server. It reads the code through a descriptor of its own, whose position starts at 0.
RUN_CODE = "import marshal, sys; exec(marshal.load(open(f'/dev/fd/{sys.argv[2]}', 'rb')))"


class ForkServer:
    """The process that forks supervisors. It starts with the first command, and again if somebody has ended it.

    One thread at a time may use it.
    """

    def __init__(self) -> None:
        self._requests: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def fork(self, control: socket.socket, streams: Sequence[int]) -> None:
        """Have a supervisor forked for a command. The caller closes its own copies of the descriptors.

        If the fork server ends before it has read the request, the kernel closes the descriptors.

        Args:
            control: the supervisor's end of the control socket.
            streams: the command's standard streams.

        Raises:
            OSError: the fork server cannot be started.
        """
        descriptors = [control.fileno(), *streams]
        if self._requests is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                socket.send_fds(self._requests, [FORK], descriptors)
                return
            self.close()
        self._requests, self._process = _start()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            socket.send_fds(self._requests, [FORK], descriptors)

    def close(self) -> None:
        """End the fork server. Commands that run go on."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(GRACE)
        self._requests = self._process = None

    def forget(self) -> None:
        """Forget the fork server in a forked process, whose parent goes on to use it."""
        if self._requests is not None:
            self._requests.close()
        if self._process is not None:
            # It is no child of this process, which must not wait for it.
            self._process.returncode = 0
        self._requests = self._process = None


def _start() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process. Return our end of the socket for requests, and the process."""
    python = Path(sys.executable).resolve()
    requests, its_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    code = _code()
    passed = its_end.fileno(), code
    try:
        # No path of Workbench's is on this command line, so `pkill -9 -f workbench` does not meet the process or its
        # forks. Without site packages, Python starts in a few hundredths of a second.
        process = subprocess.Popen(
            [python, "-I", "-S", "-c", RUN_CODE, *map(str, passed)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=passed,
            start_new_session=True,
        )
    except OSError as error:
        requests.close()
        # A FileNotFoundError would say that the command's own program is missing.
        raise OSError(f"nothing can be executed: {python} does not start: {error.strerror}") from error
    finally:
        its_end.close()
        os.close(code)
    return requests, process


def _code() -> int:
    """Return the descriptor of a file in memory that holds the compiled code of the supervisor.

    Compiling the code would take a fifth of the time of the start.
    """
    code = SourceFileLoader(supervisor.__name__, supervisor.__file__).get_code(supervisor.__name__)
    descriptor = os.memfd_create("supervisor")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(marshal.dumps(code))
    return descriptor
