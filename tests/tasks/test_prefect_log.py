"""Prefect logs a failure that is written for a person as a sentence, and a defect of the program with its traceback."""

from __future__ import annotations

import logging

import pytest

from workbench.errors import UserError
from workbench.tasks.surroundings import outside_failures


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines in the log of flow runs, each with its traceback. No other handler gets them."""
    lines = list[str]()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    logger = logging.getLogger("prefect.flow_runs")
    # If another test has used Prefect's logs, this logger has a handler that sends lines to a server.
    monkeypatch.setattr(logger, "handlers", [Lines()])
    monkeypatch.setattr(logger, "propagate", False)
    return lines


def fail(error: Exception) -> None:
    """Fail in a flow, and log the failure twice, as Prefect's engine does."""
    logger = logging.getLogger("prefect.flow_runs")
    try:
        try:
            with outside_failures():
                raise error
        except Exception as failure:
            logger.exception("Encountered exception during execution: %r", failure)
            raise
    except Exception:
        logger.error("Engine execution exited with unexpected exception", exc_info=True)


def test_a_mistake_of_a_person_is_one_line(lines: list[str]) -> None:
    fail(UserError("study.yaml: there is no such file, 100%"))
    assert lines == ["study.yaml: there is no such file, 100%"]


def test_a_defect_keeps_its_traceback(lines: list[str]) -> None:
    fail(ValueError("a defect"))
    assert [line.splitlines()[0] for line in lines] == [
        "Encountered exception during execution: ValueError('a defect')",
        "Engine execution exited with unexpected exception",
    ]
    assert all("Traceback" in line for line in lines)
