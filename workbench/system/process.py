"""Spawns processes without a shell, with bounded output, and with a time limit for all processes of a command.

No other module spawns processes, except `prefect_server`, whose server must outlive the command.

`subprocess.run(timeout=…)` would not do: it ends only the child, and then waits for grandchildren that keep the pipes
open.
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
from workbench.system.bounded import CHUNK, LIMIT, HeadAndTail, start_reader
from workbench.system.supervised import Supervised, readable
from workbench.system.supervisor import GRACE

#: The longest time limit that a selector accepts, in seconds.
MAX_WAIT_SECONDS = 3600.0


@dataclass(frozen=True)
class Finished:
    """The end of a command and its output.

    Attributes:
        exit_code: negative for a signal.
        stdout, stderr: the output. The middle of a stream that is longer than its limit is left out.
    """

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool


class _Commands:
    """The commands that are running. After `end`, no command starts until `allow` is called."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Supervised] = set()
        self.ended = threading.Event()

    def start(self, command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[int]) -> Supervised:
        with self._lock:
            if self.ended.is_set():
                raise Interrupted("interrupted")
        supervised = Supervised(command, cwd, env, streams)
        with self._lock:
            self._running.add(supervised)
            was_ended = self.ended.is_set()
        if was_ended:
            supervised.terminate()
        return supervised

    def remove(self, command: Supervised) -> None:
        with self._lock:
            self._running.discard(command)
        command.close()

    def end(self) -> None:
        with self._lock:
            self.ended.set()
            running = list(self._running)
        for command in running:
            command.terminate()

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

    Args:
        limit: the most bytes of each stream that are returned.
        stdin: the file that the command reads as its standard input.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
        ValueError: no system can start the command: it is empty, or has a NUL byte in it.
        OSError: the command cannot be executed.
        Interrupted: an interrupt ended the block of `ended_on_interrupt` while the command ran.
    """
    with ExitStack() as ending:
        supervised, outputs = _start(command, cwd, env, limit, stdin, ending)
        # The time limit does not include the supervisor's start, which takes tenths of a second on a busy machine.
        start = time.monotonic()
        timed_out = _follow(supervised, outputs, start + timeout)
    if _commands.ended.is_set():
        raise Interrupted("interrupted")
    exit_code = -signal.SIGKILL if supervised.exit_code is None else supervised.exit_code
    stdout, stderr = (output.content() for output in outputs.values())
    return Finished(exit_code, stdout, stderr, time.monotonic() - start, timed_out)


def interrupted() -> bool:
    """Return True if an interrupt ended the block of `ended_on_interrupt`. Then nobody waits for results any more."""
    return _commands.ended.is_set()


def interrupted_within(seconds: float) -> bool:
    """Wait for this many seconds, or until an interrupt. Return True after an interrupt."""
    return _commands.ended.wait(seconds)


class Service:
    """A process that runs until it is stopped, or until Workbench ends in any way, which closes its standard input.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        with ExitStack() as our_ends, ExitStack() as its_ends:
            stdin, _ = _pipe(its_ends, our_ends)
            self._out, out = _pipe(our_ends, its_ends)
            errors, err = _pipe(our_ends, its_ends)
            self._process = _commands.start(command, cwd, env, [stdin, out, err])
            self._ending = our_ends.pop_all()
        self._errors = HeadAndTail()
        # If nobody read the pipe, the process would wait as soon as the pipe is full.
        self._readers = [start_reader(errors, self._errors)]

    @property
    def runs(self) -> bool:
        """Return True while the process or a process that it started has not ended."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal. It is None until the process has ended."""
        return self._process.exit_code

    @property
    def errors(self) -> str:
        """Return what the process wrote to standard error. The middle of a long text is left out."""
        return self._errors.content().decode("utf-8", errors="replace")

    def line(self, timeout: float) -> str | None:
        """Return the first line of standard output, or None if the process ends or `timeout` seconds pass before it."""
        line, deadline = b"", time.monotonic() + timeout
        while not line.endswith(b"\n") and readable(self._out, deadline - time.monotonic()):
            # Read one byte at a time, so as not to wait for what comes after the line.
            if not (byte := os.read(self._out, 1)):
                break
            line += byte
        self._readers.append(start_reader(self._out, HeadAndTail()))
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
        _commands.remove(self._process)
        for reader in self._readers:
            reader.join(GRACE)
        self._ending.close()


@contextmanager
def ended_on_interrupt() -> Iterator[None]:
    """End every running process if an interrupt (Ctrl-C, SIGTERM) ends the block. No result can be kept then."""
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
) -> tuple[Supervised, dict[int, HeadAndTail]]:
    """Start the command. Return it, and its two outputs by the descriptors from which they are read."""
    outputs: dict[int, HeadAndTail] = {}
    with ExitStack() as its_ends:
        streams = [os.open(stdin, os.O_RDONLY)]
        its_ends.callback(os.close, streams[0])
        for _ in range(2):
            reading_end, writing_end = _pipe(ending, its_ends)
            os.set_blocking(reading_end, False)
            outputs[reading_end] = HeadAndTail(limit)
            streams.append(writing_end)
        supervised = _commands.start(command, cwd, env, streams)
    ending.callback(_commands.remove, supervised)
    return supervised, outputs


def _pipe(reader: ExitStack, writer: ExitStack) -> tuple[int, int]:
    """Return the two ends of a new pipe. `reader` closes the reading end, and `writer` the writing end."""
    ends = os.pipe()
    reader.callback(os.close, ends[0])
    writer.callback(os.close, ends[1])
    return ends


def _follow(supervised: Supervised, outputs: dict[int, HeadAndTail], deadline: float) -> bool:
    """Read both pipes until the command and its tree have ended. Return True if the deadline passed before."""
    timed_out = False
    # The time at which to return in any case: a process that nothing can end may keep the pipes open.
    last_moment: float | None = None
    with selectors.DefaultSelector() as selector:
        selector.register(supervised, selectors.EVENT_READ)
        for stream in outputs:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if supervised in selector.get_map() and supervised.poll() is not None:
                selector.unregister(supervised)
                last_moment = now + GRACE
                continue
            if last_moment is None and supervised.exit_code is not None:
                # The deadline does not count for processes that the command left behind.
                last_moment = now + 3 * GRACE
            if last_moment is None and now > deadline:
                supervised.terminate()
                timed_out, last_moment = True, now + 3 * GRACE
            seconds = (deadline if last_moment is None else last_moment) - now
            if last_moment is not None and seconds < 0:
                break
            for key, _ in selector.select(min(max(0.0, seconds) + 0.001, MAX_WAIT_SECONDS)):
                if key.fileobj is not supervised and not _read_available(key.fd, outputs[key.fd]):
                    selector.unregister(key.fd)
    return timed_out


def _read_available(stream: int, output: HeadAndTail) -> bool:
    """Read the available bytes into `output`. Return False at the end of the stream."""
    try:
        data = os.read(stream, CHUNK)
    except BlockingIOError:
        return True
    output.add(data)
    return bool(data)
