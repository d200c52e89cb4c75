"""Makes Prefect's own lines in the log of a run readable: fewer of them, and no traceback for a person's mistake."""

from __future__ import annotations

import logging
import weakref

from workbench.errors import WorkbenchError

#: The beginnings of the line that Prefect logs for every task run that ended well.
NOISE = ("Finished in state Completed(", "Finished in state Cached(")


class _SuccessesAtDebug(logging.Filter):
    """Lower Prefect's line about a task run that ended well to the level DEBUG. Other lines keep their level."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith(NOISE):
            return True
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return logging.getLogger(record.name).isEnabledFor(logging.DEBUG)


class _FailuresAsSentences(logging.Filter):
    """Log a failure whose message is written for a person as this message, once and without a traceback.

    Prefect logs the failure of a flow run twice: when the flow fails, and when its process ends.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged = weakref.WeakSet[WorkbenchError]()

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if not isinstance(error, WorkbenchError):
            return True
        if error in self._logged:
            return False
        self._logged.add(error)
        record.msg, record.args, record.exc_info = str(error), (), None
        return True


class _WithoutTraceback(logging.Filter):
    """Log a failure whose message is written for a person without its traceback.

    Prefect's line has the message as Python code, in which several lines would be one.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, WorkbenchError):
            record.msg, record.args, record.exc_info = record.getMessage().replace(repr(error), str(error)), (), None
        return True


_SUCCESSES_AT_DEBUG = _SuccessesAtDebug()
_WITHOUT_TRACEBACK = _WithoutTraceback()
_FAILURES_AS_SENTENCES = _FailuresAsSentences()


# `addFilter` adds a filter only once.
def quieten_task_runs() -> None:
    """Lower Prefect's lines about task runs that ended well to the level DEBUG, and log failures without traceback.

    A failure with a traceback is then a defect of the program.
    """
    for shorten in (_SUCCESSES_AT_DEBUG, _WITHOUT_TRACEBACK):
        logging.getLogger("prefect.task_runs").addFilter(shorten)


def show_failures_as_sentences() -> None:
    """Have Prefect log the failure of a flow run as a sentence if the failure is a WorkbenchError."""
    logging.getLogger("prefect.flow_runs").addFilter(_FAILURES_AS_SENTENCES)
