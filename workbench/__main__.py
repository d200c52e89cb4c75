"""Starts the command line.

The imports take about a second. Ctrl-C in that second ends the process at once, because there is nothing to save yet.

A shell starts the background jobs of a script with SIGINT ignored. Workbench ends at SIGINT nevertheless, in every
command and at every moment. Otherwise an interrupted script would leave a run behind that starts servers and buys
answers.
"""

from __future__ import annotations

import os
import signal

from workbench.system.interruption import EXIT_INTERRUPTED


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(EXIT_INTERRUPTED))
    from workbench.commands import app

    signal.signal(signal.SIGINT, signal.default_int_handler)
    app.main()


if __name__ == "__main__":
    main()
