"""Git and the program `patch` can apply a patch, whatever the file's name is."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from workbench.apply.patch import patch

BEFORE, AFTER = "a: 1\nb: 2\nc: old", "a: 1\nb: 2\nc: new\u2028x"
#: A file's name, and how the patch's first line writes it.
NAMES = [
    ("plan.yaml", "a/plan.yaml"),
    ("my plan.yaml", "a/my plan.yaml\t"),
    ("Mein Ordner/Plan, ü.yaml", "a/Mein Ordner/Plan, ü.yaml\t"),
    ("of 2026-11-26 10:00:00.yaml", "a/of 2026-11-26 10:00:00.yaml\t"),
    ("back\\slash.yaml", '"a/back\\\\slash.yaml"'),
    ('a "b".yaml', '"a/a \\"b\\".yaml"\t'),
    ("a\tb\nc\x01.yaml", '"a/a\\tb\\nc\\001.yaml"'),
]


def _file(folder: Path, name: str) -> Path:
    """Make a file with the text before the change, at the top of a repository."""
    (folder / ".git").mkdir()
    file = folder / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(BEFORE, encoding="utf-8")
    return file


@pytest.mark.parametrize(("name", "header"), NAMES)
def test_the_header_has_the_name_as_git_writes_it(tmp_path: Path, name: str, header: str) -> None:
    """A tab ends a name with spaces. A name with special characters stands in quotes."""
    assert patch(BEFORE, AFTER, _file(tmp_path, name)).split("\n")[0] == f"--- {header}"


def test_no_change_is_an_empty_patch(tmp_path: Path) -> None:
    assert patch(BEFORE, BEFORE, _file(tmp_path, "plan.yaml")) == ""


@pytest.mark.processes
@pytest.mark.parametrize("program", [["patch", "-p1"], ["git", "apply"]], ids=["patch", "git"])
@pytest.mark.parametrize("name", [name for name, _ in NAMES])
def test_the_programs_apply_it(tmp_path: Path, name: str, program: list[str]) -> None:
    """The file gets the text after the change."""
    file = _file(tmp_path, name)
    subprocess.run(program, cwd=tmp_path, input=patch(BEFORE, AFTER, file).encode(), check=True, capture_output=True)
    assert file.read_text(encoding="utf-8") == AFTER
