"""Spawns processes: without a shell, with bounded output, and with a time limit that ends all that a command started.

No other module spawns processes.

`subprocess.run(timeout=…)` ends only the child: grandchildren keep the pipes open, and it waits for them.
"""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import Interrupted
from workbench.system.bounded import CHUNK, LIMIT, Kept, reading
from workbench.system.supervised import Supervised, readable
from workbench.system.supervisor import GRACE

#: Seconds that a selector takes.
LONGEST = 3600.0


@dataclass(frozen=True)
class Finished:
    """How a command ended. `exit_code` is negative for a signal. A stream longer than its limit lacks its middle."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool


class _Commands:
    """The commands that run now. After `end`, no command starts until `allow`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Supervised] = set()
        self.ended = threading.Event()

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> Supervised:
        with self._lock:
            if self.ended.is_set():
                raise Interrupted("interrupted")
        started = Supervised(command, cwd, env, streams)
        with self._lock:
            self._running.add(started)
            late = self.ended.is_set()
        if late:
            started.terminate()
        return started

    def over(self, one: Supervised) -> None:
        with self._lock:
            self._running.discard(one)
        one.close()

    def end(self) -> None:
        with self._lock:
            self.ended.set()
            running = list(self._running)
        for one in running:
            one.terminate()

    def allow(self) -> None:
        with self._lock:
            self.ended.clear()


_commands = _Commands()
atexit.register(_commands.end)


def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    limit: int = LIMIT,
    stdin: Path = Path(os.devnull),
) -> Finished:
    """Run a command to its end, or for `timeout` seconds. Then end every process that it started, by TERM and KILL.

    `limit` bytes are kept of each stream. The command reads the file `stdin` as its standard input.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
        ValueError: no system could start the command: it is empty, or has a NUL byte in it.
        OSError: the command cannot be executed.
        Interrupted: `ended_on_interrupt` was left while the command ran.
    """
    with ExitStack() as ending:
        started, kept = _start(command, cwd, env, limit, stdin, ending)
        # The start of its supervisor does not count: on a busy machine it takes tenths of a second.
        begun = time.monotonic()
        timed_out = _follow(started, kept, begun + timeout)
    if _commands.ended.is_set():
        raise Interrupted("interrupted")
    exit_code = -signal.SIGKILL if started.exit_code is None else started.exit_code
    out, err = (one.all() for one in kept.values())
    return Finished(exit_code, out, err, time.monotonic() - begun, timed_out)


def interrupted() -> bool:
    """Return True if `ended_on_interrupt` was left by an interrupt, so that nobody waits for results any more."""
    return _commands.ended.is_set()


class Service:
    """A process that stays until it is stopped, or until we end in any way: then its standard input closes.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        with ExitStack() as ours, ExitStack() as theirs:
            stdin, _ = _pipe(theirs, ours)
            self._out, out = _pipe(ours, theirs)
            errors, err = _pipe(ours, theirs)
            self._process = _commands.start(command, cwd, env, [stdin, out, err])
            self._ending = ours.pop_all()
        self._errors = Kept()
        # If nobody read the pipe, the process would wait as soon as the pipe is full.
        self._readers = [reading(errors, self._errors)]

    @property
    def runs(self) -> bool:
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal. It is None until the process has ended."""
        return self._process.exit_code

    @property
    def errors(self) -> str:
        """Return what the process wrote to standard error. The middle of a long text is left out."""
        return self._errors.all().decode("utf-8", errors="replace")

    def line(self, timeout: float) -> str | None:
        """Return the first line of standard output, or None if the process ends or `timeout` seconds pass before it."""
        line, deadline = b"", time.monotonic() + timeout
        while not line.endswith(b"\n") and readable(self._out, deadline - time.monotonic()):
            # Read one byte at a time, so as not to wait for what comes after the line.
            if not (more := os.read(self._out, 1)):
                break
            line += more
        self._readers.append(reading(self._out, Kept()))
        return line.decode("utf-8", errors="replace").strip() or None

    def wait(self, timeout: float) -> None:
        """Wait until the process has ended, for at most `timeout` seconds."""
        self._process.wait(timeout)

    def stop(self) -> None:
        """Send TERM to the process and all that it started, then KILL."""
        if self._process.closed:
            return
        self._process.terminate()
        self._process.wait(3 * GRACE)
        _commands.over(self._process)
        for reader in self._readers:
            reader.join(GRACE)
        self._ending.close()


@contextmanager
def ended_on_interrupt() -> Iterator[None]:
    """End every running process if the block is left by an interrupt (Ctrl-C, SIGTERM): no result can be kept then."""
    _commands.allow()
    try:
        yield
    except Exception:
        raise
    except BaseException:
        _commands.end()
        raise


def _start(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], limit: int, stdin: Path, ending: ExitStack
) -> tuple[Supervised, dict[int, Kept]]:
    """Start the command. Return it, and the kept parts of its two streams by the descriptors to read them from."""
    kept: dict[int, Kept] = {}
    with ExitStack() as theirs:
        streams = [os.open(stdin, os.O_RDONLY)]
        theirs.callback(os.close, streams[0])
        for _ in range(2):
            ours, written = _pipe(ending, theirs)
            os.set_blocking(ours, False)
            kept[ours] = Kept(limit)
            streams.append(written)
        started = _commands.start(command, cwd, env, streams)
    ending.callback(_commands.over, started)
    return started, kept


def _pipe(reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    """Return both ends of a new pipe: the reading end, closed by `reader`, and the writing end, closed by `writer`."""
    ends = os.pipe()
    reader.callback(os.close, ends[0])
    writer.callback(os.close, ends[1])
    return ends


def _follow(started: Supervised, kept: dict[int, Kept], deadline: float) -> bool:
    """Read both pipes until the command and its tree have ended. Return True if its time ran out."""
    timed_out = False
    # The time at which to leave in any case: a process that nothing can end may hold the other ends of the pipes.
    patience: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(started, selectors.EVENT_READ)
        for stream in kept:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if started in selector.get_map() and started.poll() is not None:
                selector.unregister(started)
                patience = now + GRACE
                continue
            if patience is None and started.exit_code is not None:
                # The processes that it left behind take none of its time.
                patience = now + 3 * GRACE
            if patience is None and now > deadline:
                started.terminate()
                timed_out, patience = True, now + 3 * GRACE
            left = (deadline if patience is None else patience) - now
            if patience is not None and left < 0:
                break
            for key, _ in selector.select(min(max(0.0, left) + 0.001, LONGEST)):
                if key.fileobj is not started and not _read(key.fd, kept[key.fd]):
                    selector.unregister(key.fd)
    return timed_out


def _read(stream: int, kept: Kept) -> bool:
    """Read what is available. Return False at the end of the stream."""
    try:
        data = os.read(stream, CHUNK)
    except BlockingIOError:
        return True
    kept.add(data)
    return bool(data)
