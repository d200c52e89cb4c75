"""The one place that spawns processes: own session, bounded output, a time-out that ends the whole group, no shell.

`subprocess.run(timeout=…)` ends only the child: grandchildren keep the pipes open, and it waits for them.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

#: Bytes kept of each stream: the first and the last half of them.
LIMIT = 1_000_000
#: Seconds between TERM and KILL, and for pipes that outlive their process.
GRACE = 2.0
CHUNK = 65_536


class Ended(Exception):
    """The run that wanted this process was interrupted. Nothing to retry."""


@dataclass(frozen=True)
class Finished:
    """`exit_code` is negative for a signal. A stream of more than `LIMIT` bytes lacks its middle."""

    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float
    timed_out: bool


@dataclass
class _Kept:
    """The head and the tail of a stream: what a program says first and last is what matters."""

    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)
    dropped: int = 0

    def add(self, data: bytes) -> None:
        room = LIMIT // 2 - len(self.head)
        self.head += data[:room]
        self.tail += data[room:]
        if (excess := len(self.tail) - LIMIT // 2) > 0:
            self.dropped += excess
            del self.tail[:excess]

    def all(self) -> bytes:
        gap = f"\n… {self.dropped} bytes left out …\n".encode() if self.dropped else b""
        return bytes(self.head) + gap + bytes(self.tail)


class _Groups:
    """The process groups that run now. Once ended, no new one starts until `allow`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self.ended = threading.Event()

    def start(
        self, command: Sequence[str], cwd: Path, env: Mapping[str, str], stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self.ended.is_set():
                raise Ended("interrupted")
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=dict(env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with self._lock:
            self._running.add(process.pid)
            late = self.ended.is_set()
        if late:
            kill(process.pid, signal.SIGTERM)
        return process

    def over(self, group: int) -> None:
        with self._lock:
            self._running.discard(group)

    def end(self) -> None:
        with self._lock:
            self.ended.set()
            running = list(self._running)
        for group in running:
            kill(group, signal.SIGTERM)

    def allow(self) -> None:
        with self._lock:
            self.ended.clear()


_groups = _Groups()
atexit.register(_groups.end)


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> Finished:
    """Run a command to its end, or to the end of its time (seconds): TERM to its group, then KILL.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
        Ended: `ended_on_interrupt` was left meanwhile.
    """
    begun = time.monotonic()
    process = _groups.start(command, cwd, env)
    kept = {stream: _Kept() for stream in (process.stdout, process.stderr) if stream is not None}
    try:
        timed_out = _follow(process, kept, begun + timeout)
    finally:
        # Its leader is not reaped yet, so the group's number is still its own.
        kill(process.pid, signal.SIGKILL)
        exit_code = process.wait()
        _groups.over(process.pid)
        for stream in kept:
            stream.close()
    if _groups.ended.is_set():
        raise Ended("interrupted")
    out, err = (one.all() for one in kept.values())
    return Finished(exit_code, out, err, time.monotonic() - begun, timed_out)


def interrupted() -> bool:
    """Whether `ended_on_interrupt` was left, so that nobody waits for results any more."""
    return _groups.ended.is_set()


class Service:
    """A process that stays until it is stopped, or until we are gone, however we went: its standard input closes then.

    Raises:
        FileNotFoundError, PermissionError: there is no such program.
    """

    def __init__(self, command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        self._process = _groups.start(command, cwd, env, subprocess.PIPE)
        self._errors = _Kept()
        # It would stand still, once the pipe is full.
        self._readers = [_reading(self._process.stderr, self._errors)]

    @property
    def runs(self) -> bool:
        # Not reaped here: as long as it is not, its group's number is its own.
        try:
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
        except ChildProcessError:
            return False

    @property
    def errors(self) -> str:
        """What it said to standard error; the middle of much is left out."""
        return self._errors.all().decode("utf-8", errors="replace")

    def line(self, timeout: float) -> str | None:
        """The one line that it prints; None when it ended first, or said nothing for `timeout` seconds."""
        stream = self._process.stdout
        if stream is None or not select.select([stream], [], [], timeout)[0]:
            return None
        said = stream.readline().decode("utf-8", errors="replace").strip()
        self._readers.append(_reading(stream, _Kept()))
        return said or None

    def wait(self, timeout: float) -> None:
        """Until it has ended, for at most so many seconds."""
        deadline = time.monotonic() + timeout
        while self.runs and time.monotonic() < deadline:
            time.sleep(0.01)

    def stop(self) -> None:
        """TERM to its group, then KILL."""
        if self._process.returncode is not None:
            return
        kill(self._process.pid, signal.SIGTERM)
        self.wait(GRACE)
        kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        _groups.over(self._process.pid)
        for reader in self._readers:
            reader.join(GRACE)
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()


def _reading(stream: IO[bytes] | None, kept: _Kept) -> threading.Thread:
    """Take what comes, to the stream's end, in a thread of its own."""

    def read() -> None:
        while stream is not None and (data := os.read(stream.fileno(), CHUNK)):
            kept.add(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def kill(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@contextlib.contextmanager
def ended_on_interrupt() -> Iterator[None]:
    """Left by an interrupt (Ctrl-C, SIGTERM), end every process that runs: their results could not be kept any more."""
    _groups.allow()
    try:
        yield
    except Exception:
        raise
    except BaseException:
        _groups.end()
        raise


def _follow(process: subprocess.Popen[bytes], kept: dict[IO[bytes], _Kept], deadline: float) -> bool:
    """Read both pipes until the process has ended; whether its time ran out."""
    timed_out, killing = False, None
    exited = os.pidfd_open(process.pid)
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(exited, selectors.EVENT_READ)
            for stream in kept:
                os.set_blocking(stream.fileno(), False)
                selector.register(stream, selectors.EVENT_READ)
            gone: float | None = None
            while True:
                now = time.monotonic()
                if gone is not None and (len(selector.get_map()) == 0 or now > gone + GRACE):
                    return timed_out
                if gone is None and killing is None and (now > deadline or _groups.ended.is_set()):
                    timed_out, killing = now > deadline, now + GRACE
                    kill(process.pid, signal.SIGTERM)
                if gone is None and killing is not None and now > killing:
                    kill(process.pid, signal.SIGKILL)
                for key, _ in selector.select(_patience(now, deadline, killing, gone)):
                    if key.fileobj == exited:
                        selector.unregister(exited)
                        gone = time.monotonic()
                        # What it left running would keep the pipes open.
                        kill(process.pid, signal.SIGKILL)
                    elif not _read(key.fileobj, kept):  # type: ignore[arg-type]  # the pipes that were registered
                        selector.unregister(key.fileobj)
    finally:
        os.close(exited)


def _patience(now: float, deadline: float, killing: float | None, gone: float | None) -> float:
    """Seconds until there is something to do even if nothing is heard. An interrupt wakes by ending the process."""
    if gone is not None:
        return max(0.0, gone + GRACE - now)
    return max(0.0, min((killing or deadline) - now, 1.0)) + 0.001


def _read(stream: IO[bytes], kept: dict[IO[bytes], _Kept]) -> bool:
    """Take what is there; False at the end of the stream."""
    try:
        data = os.read(stream.fileno(), CHUNK)
    except BlockingIOError:
        return True
    kept[stream].add(data)
    return bool(data)
