"""Writes the optimizers' log lines and prints into a file of the run instead of the terminal."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: The loggers of DSPy and of the libraries that its optimizers use.
LOGGERS = ("dspy", "gepa", "optuna")


class _MainThreadOutput(io.TextIOBase):
    """Send prints of the main thread to standard output, and prints of all other threads to a file.

    Optimizers start threads of their own, so every thread except the main thread counts as the optimizer's.
    """

    def __init__(self, stdout: Any, log: io.TextIOBase) -> None:
        self._stdout, self._log = stdout, log

    def _stream(self) -> Any:
        return self._stdout if threading.current_thread() is threading.main_thread() else self._log

    def write(self, text: str) -> int:
        characters: int = self._stream().write(text)
        return characters

    def flush(self) -> None:
        self._stream().flush()

    def isatty(self) -> bool:
        return bool(self._stream().isatty())

    def fileno(self) -> int:
        number: int = self._stdout.fileno()
        return number


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Append DSPy's log lines, and prints of all threads except the main thread, to `log` until the block ends."""
    with log.open("a", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        loggers = [logging.getLogger(name) for name in LOGGERS]
        before = [(logger.handlers[:], logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler], False
        try:
            with contextlib.redirect_stdout(_MainThreadOutput(sys.stdout, file)):
                yield
        finally:
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
