"""Optimizers talk: DSPy logs, prints and draws progress bars. All of it goes to a file of the run."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOGGERS = ("dspy", "gepa", "optuna")


class _Aside(io.TextIOBase):
    """Standard output for the main thread; what any other prints goes to a file: optimizers start their own threads."""

    def __init__(self, rest: Any, aside: io.TextIOBase) -> None:
        self._rest, self._aside = rest, aside

    def _stream(self) -> Any:
        return self._rest if threading.current_thread() is threading.main_thread() else self._aside

    def write(self, text: str) -> int:
        written: int = self._stream().write(text)
        return written

    def flush(self) -> None:
        self._stream().flush()

    def isatty(self) -> bool:
        return bool(self._stream().isatty())

    def fileno(self) -> int:
        number: int = self._rest.fileno()
        return number


@contextlib.contextmanager
def quiet(log: Path) -> Iterator[None]:
    """While this lasts, what DSPy logs and what threads other than the main one print is appended to `log`."""
    with log.open("a", encoding="utf-8") as file:
        handler = logging.StreamHandler(file)
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
        loggers = [logging.getLogger(name) for name in LOGGERS]
        before = [(logger.handlers[:], logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler], False
        try:
            with contextlib.redirect_stdout(_Aside(sys.stdout, file)):
                yield
        finally:
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
