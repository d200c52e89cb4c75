"""Reads the output of `git status`: what is checked out, and which changes are not committed."""

from __future__ import annotations

from dataclasses import dataclass

#: The prefix of a branch's full name. Short names are ambiguous: if a tag has the same name, git prints heads/NAME.
BRANCHES = "refs/heads/"
#: The number of changes that a message names.
MOST_CHANGES = 5
#: How many fields stand before the path in a line of `git status --porcelain=v2`, by the line's first field.
FIELDS_BEFORE_PATH = {"1": 8, "2": 9, "u": 10}


@dataclass(frozen=True)
class Head:
    """What is checked out: a branch at a commit, or only a commit (`branch` is None)."""

    branch: str | None
    commit: str

    def __str__(self) -> str:
        return self.branch or self.commit


@dataclass(frozen=True)
class Status:
    """What is checked out, and up to five uncommitted changes for a message, or ""."""

    head: Head
    changes: str


def read_status(output: str) -> Status | None:
    """Return what `git status --porcelain=v2 --branch` says, or None if the repository has no commit."""
    lines = output.split("\n")
    headers = dict(line[2:].split(" ", 1) for line in lines if line.startswith("# "))
    if headers["branch.oid"] == "(initial)":
        return None
    branch = headers["branch.head"]
    changed = [line for line in lines if line and not line.startswith("# ")]
    return Status(
        Head(None if branch == "(detached)" else branch, headers["branch.oid"]),
        ", ".join(map(_change, changed[:MOST_CHANGES])),
    )


def _change(line: str) -> str:
    """Return the states of a file in the index and on disk, and its path. A renamed file has two paths."""
    fields = line.split(" ", FIELDS_BEFORE_PATH[line[0]])
    paths = fields[-1].split("\t")
    return f"{fields[1].replace('.', ' ')} {' -> '.join(reversed(paths))}".strip()
