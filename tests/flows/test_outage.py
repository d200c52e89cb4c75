"""Providers that fail altogether."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, study

pytestmark = pytest.mark.processes


def test_when_all_calls_fail_the_run_ends_with_exit_code_3(line: CommandLine, tmp_path: Path) -> None:
    """After its retries, with what to do, and with the failures in the journal."""
    with line.rehearsing(fail_rate=1.0) as (pointed, _):
        ended = pointed.run("run", study(tmp_path / "study"), "--rehearse")
    assert ended.exit_code == 3
    assert "the same command goes on" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not line.results("execute")
    shown = line.run("show")
    assert shown.exit_code == 0
    assert "Failed: " in shown.stdout
    assert "failures" in shown.stdout
