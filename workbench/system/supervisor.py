"""Stands between Workbench and every command, so that nothing which a command started outlives it, or us.

A Python reads this text (standard library only), once for each process of ours. It forks supervisors, as many as
commands run at once. Each is a subreaper: whatever its command leaves behind comes back to it, in however many sessions
of its own. It ends its tree when it is told to, and when the socket to us closes, which the kernel does even after
`kill -9`. Once all of a tree has ended, its supervisor takes the next command, which is cheaper than to fork another.

On the socket, we send a request with the command's three streams, and perhaps `t` later; the answers are lines:

    started PID | refused ERRNO FILE | unfit WHAT | failed WHAT
    over, when the command itself has ended and what it left behind is being ended
    ended WAIT_STATUS | lost WAIT_STATUS
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import gc
import json
import math
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable
from typing import Any

#: Seconds between TERM and KILL.
GRACE = 2.0
#: The same for what a command leaves behind when it ends by itself: its result waits for that.
SHORT_GRACE = 0.5
LENGTH = struct.Struct("!I")
STREAMS = 3
_NAME, _SUBREAPER = 15, 36
_libc = ctypes.CDLL(None, use_errno=True)


def serve(requests: socket.socket) -> None:
    """Fork a supervisor for each message, which brings its socket; end when we and all of them have."""
    wakeup = _hear_children()
    poll = _polling(requests.fileno(), wakeup)
    supervisors: set[int] = set()
    wanted, strays = True, False
    while wanted or supervisors or strays:
        heard = {descriptor for descriptor, _ in poll.poll(100 if strays else None)}
        if requests.fileno() in heard:
            message, passed = _received(requests, 1)
            if wanted := bool(message):
                supervisors.add(_fork(requests, wakeup, passed[0]))
            else:
                poll.unregister(requests)
        ended = _reap(wakeup)
        supervisors -= ended.keys()
        # One that did not end by itself left its tree to us.
        strays = (strays or any(ended.values())) and _kill(_descendants(os.getpid(), apart=supervisors)) > 0


def _fork(requests: socket.socket, wakeup: int, passed: int) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            requests.close()
            os.close(wakeup)
            _adopt_orphans()
            control, wakeup = socket.socket(fileno=passed), _hear_children()
            while _supervise(control, wakeup):
                os.chdir("/")
            code = 0
        finally:
            os._exit(code)
    os.close(passed)
    return pid


def _supervise(control: socket.socket, wakeup: int) -> bool:
    """One command; whether there may be another."""
    try:
        request, streams = _receive(control)
    except (EOFError, OSError):
        return False
    try:
        leader = _start(request, streams)
    except OSError as error:
        return _say(control, f"refused {error.errno} {json.dumps(str(error.filename))}")
    except ValueError as error:
        return _say(control, f"unfit {error}")
    except Exception as error:
        return _say(control, f"failed {error!r}")
    finally:
        for descriptor in streams:
            os.close(descriptor)
    _say(control, f"started {leader}")
    status = _follow(control, wakeup, leader)
    return _end_all(control, wakeup, leader, status)


def _start(request: dict[str, Any], streams: list[int]) -> int:
    """As `subprocess` would, but for its cost: this process may go into the command's folder itself."""
    command, env = request["command"], request["env"]
    os.chdir(request["cwd"])
    refused: OSError = FileNotFoundError(errno.ENOENT, "", command[0])
    for folder in [""] if "/" in command[0] else os.get_exec_path(env):
        try:
            return os.posix_spawn(
                os.path.join(folder, command[0]),  # noqa: PTH118  # see _descendants
                command,
                env,
                file_actions=[(os.POSIX_SPAWN_DUP2, ours, number) for number, ours in enumerate(streams)],
                setsid=True,
                setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],
            )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            # Another of that name may be further on; if not, this is what is told.
            refused = PermissionError(error.errno, "", command[0])
    raise refused


def _follow(control: socket.socket, wakeup: int, leader: int) -> int | None:
    """Wait for the command's own end, and have its tree end in order; its wait status, if it is over by then."""
    poll = _polling(control.fileno(), wakeup)
    status: int | None = None
    deadline: float | None = None
    while True:
        status = _reap(wakeup).get(leader, status)
        if status is not None and _alone():
            return status
        if status is not None and deadline is None:
            _say(control, "over")
            deadline = _terminate(SHORT_GRACE)
        left = math.inf if deadline is None else deadline - time.monotonic()
        if left <= 0:
            return status
        heard = poll.poll(None if deadline is None else left * 1000 + 1)
        if control.fileno() in {descriptor for descriptor, _ in heard}:
            # Told to, or nobody is there any more.
            poll.unregister(control)
            deadline = deadline or _terminate(GRACE)


def _terminate(grace: float) -> float:
    """TERM to the whole tree; when to send KILL."""
    _kill(_descendants(os.getpid()), signal.SIGTERM)
    return time.monotonic() + grace


def _end_all(control: socket.socket, wakeup: int, leader: int, status: int | None) -> bool:
    """KILL what is left until nothing is: what forks meanwhile comes back to us. What hangs in the kernel is `lost`."""
    pause, deadline = 0.001, time.monotonic() + GRACE
    while not _alone():
        _kill(_descendants(os.getpid()))
        select.select([wakeup], [], [], pause)
        pause = min(pause * 2, 0.5)
        status = _reap(wakeup).get(leader, status)
        if time.monotonic() > deadline:
            _say(control, f"lost {signal.SIGKILL if status is None else status}")
            control.close()
    return _say(control, f"ended {signal.SIGKILL if status is None else status}")


def _receive(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    head, streams = _received(control, STREAMS)
    (length,) = LENGTH.unpack(head + _exactly(control, LENGTH.size - 1))
    return json.loads(_exactly(control, length)), streams


def _received(source: socket.socket, most: int) -> tuple[bytes, list[int]]:
    """One byte, and what came with it, for us alone: a command that inherits the control socket could say `ended`."""
    # The flag that asks the kernel for this is ignored by `recv_fds` of Python 3.11.
    message, passed, _, _ = socket.recv_fds(source, 1, most)
    for descriptor in passed:
        os.set_inheritable(descriptor, False)
    return message, passed


def _exactly(control: socket.socket, wanted: int) -> bytes:
    data = bytearray()
    while len(data) < wanted:
        if not (more := control.recv(wanted - len(data))):
            raise EOFError("nobody is there any more")
        data += more
    return bytes(data)


def _say(control: socket.socket, line: str) -> bool:
    """Whether anybody is there to hear it."""
    with contextlib.suppress(OSError):
        control.sendall(f"{line}\n".encode())
        return True
    return False


def _adopt_orphans() -> None:
    if _libc.prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def _hear_children() -> int:
    """A descriptor that becomes readable when a child has ended."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def _polling(*descriptors: int) -> select.poll:
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return poll


def _reap(wakeup: int) -> dict[int, int]:
    """Wait statuses of the children that have ended."""
    with contextlib.suppress(BlockingIOError):
        os.read(wakeup, 65_536)
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (found := os.waitpid(-1, os.WNOHANG))[0]:
            ended[found[0]] = found[1]
    return ended


def _alone() -> bool:
    """Whether there is no child, running or not: then there is no descendant either."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return True
    return False


def _descendants(root: int, apart: Iterable[int] = ()) -> list[int]:
    """Nearest first, without those in `apart` and theirs."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  # pathlib costs a start more than all else
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb", 0) as stat:  # noqa: PTH123
            parent = int(stat.read().rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [root]
    for pid in found:
        found += [child for child in children.get(pid, ()) if child not in apart]
    return found[1:]


def _kill(pids: list[int], number: signal.Signals = signal.SIGKILL) -> int:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)
    return len(pids)


def main() -> None:
    """The argument is the descriptor that requests come on; standard input is this text."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Heard by us too, who then end everything in order. A handler, since commands inherit what is ignored.
        signal.signal(number, lambda number, frame: None)
    _adopt_orphans()
    # Killed by the name of Python, as `killall -9 python3.11` does, it could end nothing of what runs.
    _libc.prctl(_NAME, b"supervisor", 0, 0, 0)
    # Forks share its memory until one of the two writes, and a collector writes everywhere.
    gc.disable()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    requests.set_inheritable(False)
    serve(requests)


if __name__ == "__main__":
    main()
