"""Goes back to the git state before a prompt was applied. Changes that others made since then stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.apply.conditions import clean_head
from workbench.apply.record import AppliedRecord, bytes_before, delete_applied, find_applied, load_applied
from workbench.apply.repository import Repository
from workbench.apply.status import Head
from workbench.errors import NotApplied, RunNotFound


@dataclass(frozen=True)
class Reverted:
    """The result of `revert`.

    Attributes:
        now: the branch that is checked out now, or the commit if no branch is.
        as_it_was: True if the pipeline file is there exactly as it was before the prompt was applied.
        notes: warnings for a person.
    """

    run: str
    file: Path
    now: str
    as_it_was: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file)}

    def lines(self) -> list[str]:
        """Return the lines that `workbench apply --revert` prints."""
        return [f"back on {self.now}{f', where {self.file} is as it was before' if self.as_it_was else ''}"]


def revert(home: Path, name: str | None, environ: Mapping[str, str]) -> Reverted:
    """Check out what was checked out before a run was applied, and delete the branch of the run.

    Args:
        name: the run; by default the run that was applied last.

    Raises:
        RunNotFound: the run does not exist, or no run is applied.
        NotApplied: going back is impossible or failed halfway. Calling `revert` again does the rest.
    """
    run = find_applied(home, name)
    record = load_applied(run)
    if record is None:
        raise RunNotFound(f"{run.name} is not applied: workbench apply {run.name} applies it")
    repository = _repository(record, environ)
    head, notes = clean_head(repository), list[str]()
    if head.branch == record.branch:
        head, notes = _check_out_origin(repository, record, bytes_before(run))
    elif not _is_at(head, record.origin) and repository.has_branch(record.branch):
        raise NotApplied(
            f"{head} is checked out in {repository.top}, not {record.branch}: "
            f"git switch {record.branch} first, then revert again"
        )
    differences = _differences(repository, record, head, bytes_before(run))
    notes += differences
    if not repository.delete_branch(record.branch, record.commit):
        notes.append(f"the branch {record.branch} is kept: it has other commits than ours, or a worktree uses it")
    delete_applied(run)
    return Reverted(run.name, record.file, str(head), not differences, tuple(notes))


def _repository(record: AppliedRecord, environ: Mapping[str, str]) -> Repository:
    """Return the repository of the record.

    Raises:
        NotApplied: its folder does not exist or is not the top of a repository any more. A repository around the folder
            is never used instead.
    """
    if not record.repository.is_dir():
        raise NotApplied(
            f"{record.repository} does not exist any more, and the branch {record.branch} is in it: "
            "put the folder back, then revert again"
        )
    repository = Repository(record.repository, environ)
    if repository.top.resolve() != record.repository.resolve():
        raise NotApplied(
            f"{record.repository} is not a git repository any more, and the branch {record.branch} was in it: "
            "put the repository back, then revert again"
        )
    return repository


def _is_at(head: Head, origin: Head) -> bool:
    """Return True if `head` is the same branch as `origin`, or the same commit if no branch is checked out."""
    return head.branch == origin.branch if head.branch else head.commit == origin.commit


def _check_out_origin(repository: Repository, record: AppliedRecord, before: bytes | None) -> tuple[Head, list[str]]:
    """Check out what was checked out before, and restore the exact bytes of the pipeline file if git has it unchanged.

    Return what is checked out now, and notes for a person.
    """
    mode = record.file.stat().st_mode if record.file.exists() else None
    origin, notes = record.origin, list[str]()
    if origin.branch is not None and not repository.has_branch(origin.branch):
        origin = Head(None, origin.commit)
        notes.append(
            f"the branch {record.origin} does not exist any more: its former commit is checked out, on no branch"
        )
    repository.checkout(origin)
    if before is not None:
        repository.restore_file(record.name, before, mode)
    status = repository.status()
    if status.changes:
        notes.append(f"git status reports changes ({status.changes}): one of your git filters makes them")
    return status.head, notes


def _differences(repository: Repository, record: AppliedRecord, head: Head, before: bytes | None) -> list[str]:
    """List how the pipeline file differs from when the prompt was applied. Changes nothing."""
    current = repository.entry(head.commit, record.name)
    if not current:
        return [f"{record.file} does not exist on {head} any more"]
    if current == repository.entry(record.commit, record.name):
        return [
            f"{head} contains the prompt too, for example by a merge, and keeps it: "
            f"git revert {record.commit[:12]} removes it"
        ]
    if head.commit != record.origin.commit and current != repository.entry(record.origin.commit, record.name):
        return [f"{record.file} was changed on {head} since then, and stays as it is there"]
    try:
        if before == record.file.read_bytes():
            return []
    except OSError as error:
        return [f"{record.file} cannot be read: {error.strerror}"]
    return [f"{record.file} has the bytes that git gives it, which may differ from its bytes before"]
