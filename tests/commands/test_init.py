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


def test_a_mistake_in_the_gold_plan_is_reported_with_the_file_of_the_gold_plan(
    line: CommandLine, tmp_path: Path
) -> None:
    """The study that names the gold plan is not written, so a line of the study would help nobody."""
    (tmp_path / "gold.md").write_bytes("# Pläne\n".encode("latin-1"))
    result = line.call("init", "Better", "gold.md", cwd=tmp_path)
    assert (result.exit_code, result.stderr) == (2, "gold.md:1: is not UTF-8; save the file as UTF-8\n")


def test_the_next_command_can_be_copied(line: CommandLine, tmp_path: Path) -> None:
    """A name may have spaces. The study is named after the file."""
    (tmp_path / "gold.md").write_text("# Plan\n")
    result = line.call("init", "Better", "gold.md", "--output", "our jobs.yaml", cwd=tmp_path)
    assert result.stdout.endswith("next: workbench check 'our jobs.yaml'\n")
    assert "\nstudy: our-jobs\n" in (tmp_path / "our jobs.yaml").read_text()
