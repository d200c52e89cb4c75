"""Test with providers whose calls all fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study

# The run tries all its calls again, which takes more than a minute.
pytestmark = [pytest.mark.processes, pytest.mark.services]


def test_a_run_ends_with_exit_code_3_if_all_calls_fail(line: CommandLine, tmp_path: Path) -> None:
    """The run retries, says what to do, and records the failures in the journal."""
    with line.rehearsing(fail_rate=1.0) as (rehearsal_line, _):
        result = rehearsal_line.run("run", study(tmp_path / "study"), "--rehearse")
    assert result.exit_code == 3
    assert "the same command continues the run" in result.stderr
    assert "Traceback" not in result.stderr
    assert not line.results("execute")
    result_of_show = line.call("show")
    assert result_of_show.exit_code == 0
    assert "Failed: " in result_of_show.stdout
    assert "failures" in result_of_show.stdout
