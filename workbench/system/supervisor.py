"""Runs commands, and ends every process that a command started, when the command ends or Workbench does.

Workbench starts this module in a Python process of its own (standard library only): the *fork server*. It forks twice
for every command. The grandchild, the *supervisor*, starts the command. The child, the *guard*, ends the tree if
somebody kills the supervisor. Both are subreapers: the kernel makes them the parents of processes that the command
leaves behind, in any session. Neither of them needs the fork server any more.

For each command, Workbench sends the fork server one byte with four descriptors: the end of a control socket, and the
three standard streams. The fork server ends when Workbench does, because the kernel then closes the other end.

On the control socket, Workbench sends the request, and may send `STOP` later. It closes its end, or its writing half,
to let go of the command. The kernel closes it when Workbench ends, even after `kill -9`. In both cases, the supervisor
stops the command. The supervisor answers in lines. The end of the stream means that every process of the tree has
ended:

    started | refused ERRNO folder | refused ERRNO program | unfit REASON | failed REASON
    over WAIT_STATUS, when the command itself has ended, or the supervisor was killed
"""

from __future__ import annotations

# `ctypes`, `signal` and `socket` would take a half of the time of a start: they make types and enumerations that are
# not needed.
import _ctypes
import _signal as signal  # type: ignore[import-not-found]  # there are no types for this module of CPython
import _socket
import errno
import marshal
import os
import select
import sys
import time

#: Seconds between TERM and KILL.
GRACE = 2.0
#: Seconds between TERM and KILL for processes that a command leaves behind when it ends by itself: its result waits.
SHORT_GRACE = 0.5
STOP = b"t"
#: What Workbench sends to the fork server, with a control socket and three standard streams.
FORK = b"f"
_DESCRIPTORS, _BYTES_OF_ONE = 4, 4
_NAME, _SUBREAPER = 15, 36
_PRCTL = _ctypes.dlsym(_ctypes.dlopen(None, os.RTLD_NOW), "prctl")  # type: ignore[arg-type]  # None is the process itself


def supervise(control: int) -> None:
    """Start the command that Workbench requests, and return when the command and its whole tree have ended."""
    wakeup = _signalled_by_children()
    with open(control, "rb", closefd=False) as source:
        try:
            # Workbench sends the request with the same Python. Importing `json` would make a start slower by a sixth.
            command, cwd, env, umask = marshal.load(source)  # noqa: S302  # only Workbench can write to this socket
        except (EOFError, ValueError, TypeError, OSError):
            # Workbench ended before it had sent all of the request.
            return
    place = "folder"
    if umask is not None:
        os.umask(umask)
    try:
        os.chdir(cwd)
        place = "program"
        leader = _start(command, env)
    except OSError as error:
        _tell(control, f"refused {error.errno} {place}")
    except ValueError as error:
        _tell(control, f"unfit {error}")
    except Exception as error:
        _tell(control, f"failed {error!r}")
    else:
        _release_streams()
        _tell(control, "started")
        _follow(control, wakeup, leader)


def guard(control: int, supervisor: int) -> None:
    """Wait until the supervisor has ended, and end the processes that a killed supervisor left behind."""
    while (ended := os.waitpid(-1, 0))[0] != supervisor:
        pass
    if os.WIFSIGNALED(ended[1]):
        _tell(control, f"over {ended[1]}")
    while not _reap()[1]:
        _send(signal.SIGKILL)
        time.sleep(0.01)


def _start(command: list[str], env: dict[str, str]) -> int:
    """Start the command with our own standard streams, and return its process id."""
    refused: OSError = FileNotFoundError(errno.ENOENT, "no such program")
    # `os.get_exec_path` would import a module first.
    for folder in [""] if "/" in command[0] else env.get("PATH", os.defpath).split(os.pathsep):
        file = os.path.join(folder, command[0])  # noqa: PTH118  # pathlib takes longer to import than all else
        if folder and not os.access(file, os.F_OK):
            # Each attempt to start a file costs a process.
            continue
        try:
            return os.posix_spawn(file, command, env, setsid=True, setsigdef=[signal.SIGPIPE, signal.SIGXFSZ])
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as error:
            # A later folder may have a program of that name. If none has, this error is reported.
            refused = error
    raise refused


def _follow(control: int, wakeup: int, leader: int) -> None:
    """Wait for the command's end or for `STOP`, then send TERM, then KILL until no process is left."""
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(wakeup, select.POLLIN)
    has_ended = False
    kill_at: float | None = None
    pause = 0.001
    while True:
        statuses, is_childless = _reap()
        if leader in statuses:
            has_ended = True
            _tell(control, f"over {statuses[leader]}")
        if is_childless:
            return
        if has_ended and kill_at is None:
            kill_at = _terminate(SHORT_GRACE)
        seconds = None if kill_at is None else kill_at - time.monotonic()
        if seconds is not None and seconds <= 0:
            # A process may fork before it is killed, and its child comes to us. So one KILL to each may not be enough.
            _send(signal.SIGKILL)
            seconds, pause = pause, min(pause * 2, 0.5)
        ready = [descriptor for descriptor, _ in poll.poll(seconds and seconds * 1000 + 1)]
        if wakeup in ready:
            os.read(wakeup, 65_536)
        if control in ready:
            poll.unregister(control)
            kill_at = kill_at or _terminate(GRACE)


def _terminate(grace: float) -> float:
    """Send TERM to the whole tree, and return the time at which to send KILL."""
    _send(signal.SIGTERM)
    return time.monotonic() + grace


def _reap() -> tuple[dict[int, int], bool]:
    """Return the wait statuses of children that have ended, and True if no child is left.

    Without a child, no descendant is left either.
    """
    statuses: dict[int, int] = {}
    try:
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            statuses[child[0]] = child[1]
    except ChildProcessError:
        return statuses, True
    return statuses, False


def _send(number: int) -> None:
    """Send a signal to all our descendants, nearest first."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  # as above
        try:
            with open(f"/proc/{name}/stat", "rb", 0) as stat:  # noqa: PTH123  # as above
                parent = int(stat.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(name))
    tree = [os.getpid()]
    for pid in tree:
        tree += children.get(pid, ())
    for pid in tree[1:]:
        try:
            os.kill(pid, number)
        except OSError:
            continue


def _tell(control: int, line: str) -> None:
    """Send a line to Workbench."""
    try:
        os.write(control, f"{line}\n".encode("utf-8", "backslashreplace"))
    except OSError:
        # Workbench has ended. `_follow` notices that by itself.
        return


def _release_streams() -> None:
    """Replace our standard streams: the command alone decides when its pipes end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)


def _signalled_by_children() -> int:
    """Return a descriptor that becomes readable when a child has ended."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, _ignore)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def _ignore(number: int, frame: object) -> None:
    """Do nothing. This is a handler instead of SIG_IGN, because commands inherit ignored signals."""


def _reap_guards(number: int, frame: object) -> None:
    """Remove the guards that have ended. Nobody else waits for them."""
    _reap()


def _adopt_orphans() -> None:
    """Make this process the parent of all orphans among its descendants."""
    if _ctypes.call_cdeclfunction(_PRCTL, (_SUBREAPER, 1, 0, 0, 0)) != 0:
        raise OSError("prctl(PR_SET_CHILD_SUBREAPER) failed")


def _guard_command(requests: _socket.socket, control: int, streams: list[int]) -> None:
    """Become the guard of a command, and fork its supervisor. Neither of them returns."""
    try:
        requests.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        _adopt_orphans()
        if supervisor := os.fork():
            # The guard keeps the control socket open, so Workbench sees its end only after the guard has ended.
            _release_streams()
            guard(control, supervisor)
        else:
            _adopt_orphans()
            supervise(control)
    except OSError as error:
        _tell(control, f"failed {error!r}")
    finally:
        os._exit(0)


def serve(requests: _socket.socket) -> None:
    """Fork a guard and a supervisor for each request, until Workbench ends."""
    space = _socket.CMSG_SPACE(_DESCRIPTORS * _BYTES_OF_ONE)
    while True:
        request, attached, _, _ = requests.recvmsg(len(FORK), space, _socket.MSG_CMSG_CLOEXEC)
        if not request:
            return
        descriptors = [number for _, _, data in attached for number in memoryview(data).cast("i")]
        # A process without room for all descriptors gets fewer. Closing them tells Workbench that nothing was started.
        if len(descriptors) == _DESCRIPTORS:
            control, *streams = descriptors
            try:
                if os.fork() == 0:
                    _guard_command(requests, control, streams)
            except OSError as error:
                _tell(control, f"failed {error!r}")
        for descriptor in descriptors:
            os.close(descriptor)


def main() -> None:
    """Serve Workbench. The arguments are the descriptors of the requests' socket and of this module's code."""
    requests, code = map(int, sys.argv[1:])
    os.set_inheritable(requests, False)
    os.close(code)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Workbench gets these signals, too, and then ends everything in order.
        signal.signal(number, _ignore)
    signal.signal(signal.SIGCHLD, _reap_guards)
    # Without another name, `killall -9 python3.11` would kill the processes that end the tree.
    _ctypes.call_cdeclfunction(_PRCTL, (_NAME, b"supervisor", 0, 0, 0))
    serve(_socket.socket(fileno=requests))


if __name__ == "__main__":
    main()
