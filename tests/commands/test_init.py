"""`workbench init` writes a valid study, or no file at all."""

from __future__ import annotations

from pathlib import Path

from tests.support.command_line import CommandLine


def test_a_refused_study_leaves_no_file(line: CommandLine, tmp_path: Path) -> None:
    """The corrected command then finds no file in its way."""
    (tmp_path / "gold.md").write_text("# Plan\n")
    assert line.call("init", "", "gold.md", cwd=tmp_path).exit_code == 2
    assert [file.name for file in tmp_path.glob("*.*")] == ["gold.md"]
    assert line.call("init", "Better", "gold.md", cwd=tmp_path).exit_code == 0
