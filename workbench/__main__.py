"""Starts the command line.

The imports take about a second. Ctrl-C in that second ends the process at once: there is nothing to save yet.

A shell starts the jobs of a script with an ignored SIGINT. Workbench ends at SIGINT nevertheless, in every command and
at every moment. Otherwise it would start a server or buy answers for nobody.
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
