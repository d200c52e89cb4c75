"""Starts the command line.

The imports take about a second. Ctrl-C in that second ends the process at once: there is nothing to save yet.
"""

from __future__ import annotations

import os
import signal

from workbench.system.interruption import EXIT_INTERRUPTED


def main() -> None:
    """Run the command line."""
    previous = signal.getsignal(signal.SIGINT)
    if previous is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(EXIT_INTERRUPTED))
    from workbench.commands import app

    signal.signal(signal.SIGINT, previous)
    app.main()


if __name__ == "__main__":
    main()
