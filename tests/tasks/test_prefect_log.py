"""Prefect logs a failure that is written for a person as a sentence, and a defect of the program with its traceback."""

from __future__ import annotations

import logging

import pytest

from workbench.errors import ExecutionFailed, UserError
from workbench.tasks.prefect_log import quieten_task_runs
from workbench.tasks.surroundings import outside_failures


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the lines in the logs of flow runs and task runs, each with its traceback. No other handler gets them."""
    lines = list[str]()

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    for name in ("prefect.flow_runs", "prefect.task_runs"):
        logger = logging.getLogger(name)
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


@pytest.mark.parametrize(
    ("error", "shown", "has_traceback"),
    [
        (ExecutionFailed("no plan:\n100 %", kind="timed out"), "no plan:\n100 %", False),
        (ValueError("a defect"), "ValueError('a defect')", True),
    ],
)
def test_the_last_failure_of_a_task_run_has_a_traceback_only_for_a_defect(
    lines: list[str], error: Exception, shown: str, has_traceback: bool
) -> None:
    """Prefect says why a task run failed, and that its retries are exhausted."""
    quieten_task_runs()
    try:
        raise error
    except Exception as failure:
        logging.getLogger("prefect.task_runs").exception(
            "Task run failed with exception: %r - Retries are exhausted", failure
        )
    (line,) = lines
    assert line.startswith(f"Task run failed with exception: {shown} - Retries are exhausted")
    assert ("Traceback" in line) is has_traceback
