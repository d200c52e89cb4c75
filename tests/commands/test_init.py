"""`workbench init` writes a study that can be used, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

pytestmark = pytest.mark.processes


def test_a_study_that_cannot_be_begun_leaves_nothing(line: CommandLine, tmp_path: Path) -> None:
    """The corrected command is not refused because of the wrong one."""
    (tmp_path / "gold.md").write_text("# Plan\n")
    assert line.run("init", "", "gold.md", cwd=tmp_path).exit_code == 2
    assert [file.name for file in tmp_path.glob("*.*")] == ["gold.md"]
    assert line.run("init", "Better", "gold.md", cwd=tmp_path).exit_code == 0
