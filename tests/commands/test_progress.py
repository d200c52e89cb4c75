"""The progress of a run says why a call failed as soon as the call has failed, on a terminal and in a file."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.run_folder import add, begin
from tests.support.settings import STUDY
from workbench.commands import progress
from workbench.run.journal import CallRecord

#: Failed calls: the kind of each, and the end of its message.
CALLS = [("rate limit", "a"), ("rate limit", "b"), ("timeout", "c")]


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "file"])
def test_the_cause_of_the_first_failure_of_each_kind_gets_a_line(tmp_path: Path, terminal: bool) -> None:
    """Later failures of the same kind are counted. Their messages are in the journal."""
    folder, written = begin(tmp_path), io.StringIO()
    for kind, end in CALLS:
        message = f"{kind} \x1b[31m{end}"
        folder.append(CallRecord(action="score", key="k", kind=kind, seconds=1.0, at=1.0, message=message))
    console = Console(file=written, force_terminal=terminal, width=200, soft_wrap=True)
    with progress.watching(tmp_path, folder.name, STUDY, console):
        pass
    lines = written.getvalue()
    assert [lines.count(f"a call failed: {kind} \ufffd[31m{end}") for kind, end in CALLS] == [1, 0, 1]
    assert lines.index("a call failed: rate limit") < lines.index("failed calls")


def test_the_name_of_a_model_is_no_markup(tmp_path: Path) -> None:
    """A provider may give the answering model any name. The run goes on."""
    folder, written = begin(tmp_path), io.StringIO()
    folder.append(CallRecord(action="score", key="k", kind="[/x] answered\x1b", seconds=1.0, at=1.0))
    with progress.watching(tmp_path, folder.name, STUDY, Console(file=written, width=200)):
        pass
    assert "failed calls so far: [/x] answered\ufffd: 1" in written.getvalue()


def test_the_reason_of_a_zero_is_one_line_that_shows_where_it_is_cut(tmp_path: Path) -> None:
    folder, written = begin(tmp_path), io.StringIO()
    add(folder, "search", "first", 0, 0.0, "The plan is invalid:\nit is empty" + "!" * 500)
    with progress.watching(tmp_path, folder.name, STUDY, Console(file=written, width=2000)):
        pass
    (line,) = (line for line in written.getvalue().splitlines() if "first" in line)
    assert line.startswith("search  first · g · 0: 0.0 (The plan is invalid: it is empty!!!")
    assert line.count("!") == progress.REASON_CHARACTERS - len("The plan is invalid: it is empty…")
    assert "!…)" in line
