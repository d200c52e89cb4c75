"""The output of `git status` says what is checked out, and which changes are not committed."""

from __future__ import annotations

import pytest

from workbench.apply.status import Head, Status, read_status

COMMIT = "4ea88e740fa82c9d81f507807307ebff3d436a4e"
BLOB = "0" * 40


def output(branch: str, *lines: str, commit: str = COMMIT) -> str:
    """Return an output with these lines about files."""
    return "\n".join([f"# branch.oid {commit}", f"# branch.head {branch}", "# branch.upstream origin/main", *lines])


@pytest.mark.parametrize(
    ("branch", "head"),
    [("main", Head("main", COMMIT)), ("a/ü", Head("a/ü", COMMIT)), ("(detached)", Head(None, COMMIT))],
)
def test_the_head_is_a_branch_or_a_commit(branch: str, head: Head) -> None:
    """A clean repository has no changes."""
    assert read_status(output(branch)) == Status(head, "")


def test_a_repository_without_a_commit_has_no_status() -> None:
    """Its branch does not exist yet."""
    assert read_status(output("main", commit="(initial)")) is None


@pytest.mark.parametrize(
    ("line", "change"),
    [
        (f"1 .M N... 100644 100644 100644 {BLOB} {BLOB} Mein Plan, ü.yaml", "M Mein Plan, ü.yaml"),
        (f"1 MM N... 100644 100644 100644 {BLOB} {BLOB} a", "MM a"),
        (f"1 A. N... 000000 100644 100644 {BLOB} {BLOB} a", "A  a"),
        (f'2 R. N... 100644 100644 100644 {BLOB} {BLOB} R100 new name\t"old\\tname"', 'R  "old\\tname" -> new name'),
        (f"u UU N... 100644 100644 100644 100644 {BLOB} {BLOB} {BLOB} both of us", "UU both of us"),
    ],
    ids=["on disk", "staged and on disk", "added", "renamed", "in conflict"],
)
def test_a_change_is_named_by_its_states_and_path(line: str, change: str) -> None:
    """A person knows these words from `git status --short`."""
    status = read_status(output("main", line))
    assert status is not None
    assert status.changes == change


def test_a_message_names_five_changes() -> None:
    """A longer output may have been cut in its middle."""
    lines = [f"1 .M N... 100644 100644 100644 {BLOB} {BLOB} file{n}" for n in range(7)]
    status = read_status(output("main", *lines, "1 .M N... 1006"))
    assert status is not None
    assert status.changes == "M file0, M file1, M file2, M file3, M file4"
