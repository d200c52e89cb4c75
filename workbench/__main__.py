"""The entry point. What it imports takes a second, in which nothing is there yet that could be left in order."""

from __future__ import annotations

import os
import signal

from workbench.system.interruption import EXIT_INTERRUPTED


def main() -> None:
    heard = signal.getsignal(signal.SIGINT)
    if heard is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(EXIT_INTERRUPTED))
    from workbench.commands import app

    signal.signal(signal.SIGINT, heard)
    app.main()


if __name__ == "__main__":
    main()
