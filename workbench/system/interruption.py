"""How a command that works for long is left."""

from __future__ import annotations

import os
import signal
import threading
import time
from types import FrameType

#: The exit code of a command that was interrupted.
EXIT_INTERRUPTED = 130
#: Seconds that it has for leaving in order, before it is left all the same.
PATIENCE = 15.0


class GracefulInterrupt:
    """SIGTERM is taken for Ctrl-C; a second one, or no end in sight, ends the process at once. Nothing paid is lost."""

    def __enter__(self) -> None:
        self.before = {number: signal.signal(number, self.interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
        self.asked: float | None = None

    def interrupt(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked is not None:
            # Prefect sends a signal that it has caught once more; a person takes longer to lose patience.
            if now - self.asked > 1.0:
                os._exit(EXIT_INTERRUPTED)
            return
        self.asked = now
        threading.Thread(target=self.lose_patience, daemon=True).start()
        raise KeyboardInterrupt

    def lose_patience(self) -> None:
        time.sleep(PATIENCE)
        os._exit(EXIT_INTERRUPTED)

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)
