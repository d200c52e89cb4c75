"""Ends a long command in order when it is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

#: The exit code of a command that was interrupted.
EXIT_INTERRUPTED = 130
#: The time that an interrupted command has to end in order, in seconds. Then its process is ended.
GRACE_SECONDS = 15.0


class GracefulInterrupt:
    """A context manager that turns the first Ctrl-C, SIGTERM or SIGHUP (a closed terminal) into KeyboardInterrupt.

    SIGHUP stays ignored under `nohup`.

    A second signal ends the process at once. Without a second signal, the process ends GRACE_SECONDS after the first
    signal at the latest. No paid result is lost.
    """

    def __enter__(self) -> None:
        numbers = [signal.SIGINT, signal.SIGTERM]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            numbers.append(signal.SIGHUP)
        self._handlers = {number: signal.signal(number, self._interrupt) for number in numbers}
        self._interrupted_at: float | None = None

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: raise KeyboardInterrupt at the first, and end the process at a later one."""
        now = time.monotonic()
        if self._interrupted_at is not None:
            # Prefect sends a caught signal again within a second. A person takes longer to repeat Ctrl-C.
            if now - self._interrupted_at > 1.0:
                os._exit(EXIT_INTERRUPTED)
            return
        self._interrupted_at = now
        threading.Thread(target=self._exit_after_grace, daemon=True).start()
        raise KeyboardInterrupt

    def _exit_after_grace(self) -> None:
        time.sleep(GRACE_SECONDS)
        os._exit(EXIT_INTERRUPTED)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
