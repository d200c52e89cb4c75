"""The one place that spawns processes: no shell, bounded output, and a time-out that ends all that a command started.

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
    """`exit_code` is negative for a signal. A stream of more bytes than wanted lacks its middle."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool


class _Commands:
    """Those that run now. Once ended, no new one starts until `allow`."""

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
    """Run a command to its end, or to the end of its time (seconds). What it leaves then gets TERM, and KILL after it.

    `limit` bytes are kept of each stream. The command reads the file `stdin` as its standard input.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
        ValueError: no system could start that: it is empty, or has a NUL byte in it.
        OSError: nothing can be executed, or not this.
        Interrupted: `ended_on_interrupt` was left meanwhile.
    """
    with ExitStack() as ending:
        started, kept = _start(command, cwd, env, limit, stdin, ending)
        # The start of its supervisor is no time of the command's: on a busy machine it takes tenths of a second.
        begun = time.monotonic()
        timed_out = _follow(started, kept, begun + timeout)
    if _commands.ended.is_set():
        raise Interrupted("interrupted")
    exit_code = -signal.SIGKILL if started.exit_code is None else started.exit_code
    out, err = (one.all() for one in kept.values())
    return Finished(exit_code, out, err, time.monotonic() - begun, timed_out)


def interrupted() -> bool:
    """Whether `ended_on_interrupt` was left, so that nobody waits for results any more."""
    return _commands.ended.is_set()


class Service:
    """A process that stays until it is stopped, or until we are gone, however we went: its standard input closes then.

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
        # It would stand still, once the pipe is full.
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
        """What it said to standard error; the middle of much is left out."""
        return self._errors.all().decode("utf-8", errors="replace")

    def line(self, timeout: float) -> str | None:
        """The one line that it prints; None when it ended first, or said nothing for `timeout` seconds."""
        said, deadline = b"", time.monotonic() + timeout
        while not said.endswith(b"\n") and readable(self._out, deadline - time.monotonic()):
            # One at a time: what comes after it is not waited for.
            if not (more := os.read(self._out, 1)):
                break
            said += more
        self._readers.append(reading(self._out, Kept()))
        return said.decode("utf-8", errors="replace").strip() or None

    def wait(self, timeout: float) -> None:
        """Until it has ended, for at most so many seconds."""
        self._process.wait(timeout)

    def stop(self) -> None:
        """TERM to it and all that it started, then KILL."""
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
    """Left by an interrupt (Ctrl-C, SIGTERM), end every process that runs: their results could not be kept any more."""
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
    """The command, and what is kept of its two streams, by the descriptors to read them from."""
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
    """Both ends of one, each closed with what it is for."""
    ends = os.pipe()
    reader.callback(os.close, ends[0])
    writer.callback(os.close, ends[1])
    return ends


def _follow(started: Supervised, kept: dict[int, Kept], deadline: float) -> bool:
    """Read both pipes until the command and its tree have ended; whether its time ran out."""
    timed_out = False
    # When to leave, whatever the pipes say: their other ends may be with somebody whom nothing can end.
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
                # What it left behind takes none of its time.
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
    """Take what is there; False at the end of the stream."""
    try:
        data = os.read(stream, CHUNK)
    except BlockingIOError:
        return True
    kept.add(data)
    return bool(data)
