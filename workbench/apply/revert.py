"""Back to where the user was before a prompt was applied. What others made of it meanwhile stays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.apply.git import Head, Repository
from workbench.apply.record import AppliedRecord, last
from workbench.errors import NotApplied, RunNotFound
from workbench.run.folder import RunFolder


@dataclass(frozen=True)
class Reverted:
    """`now` is the branch, or the commit, that the user is on; `as_it_was` says whether the file there is."""

    run: str
    file: Path
    now: str
    as_it_was: bool
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file)}

    def lines(self) -> list[str]:
        """What a person reads."""
        return [f"back on {self.now}{f', where {self.file} is as it was' if self.as_it_was else ''}"]


def revert(home: Path, name: str | None, environ: Mapping[str, str]) -> Reverted:
    """Go back to where the user was before a run, by default the last one, was applied. Its branch goes with it.

    Raises:
        RunNotFound: no such run, or nothing is applied.
        NotApplied: why there is no way back, or not all of it. What is not done yet, the same call does.
    """
    run = RunFolder.find(home, name) if name else last(home)
    record = AppliedRecord.of(run)
    if record is None:
        raise RunNotFound(f"{run.name} is not applied: workbench apply {run.name} does it")
    repository = _repository(record, environ)
    repository.ask_for_clean()
    head, notes = repository.head(), list[str]()
    if head.branch == record.branch:
        head, notes = _left(repository, record)
    elif repository.branch(record.branch) and not _at(head, record.origin):
        raise NotApplied(f"{repository.top} is on {head}: git switch {record.branch} first, then again")
    otherwise = _otherwise(repository, record, head)
    notes += otherwise
    if repository.branch(record.branch) and not repository.delete(record.branch, record.commit):
        notes.append(f"the branch {record.branch} has other commits than ours or a worktree on it, and is kept")
    record.forget()
    return Reverted(run.name, record.file, str(head), not otherwise, tuple(notes))


def _repository(record: AppliedRecord, environ: Mapping[str, str]) -> Repository:
    """That of the record, and none around the place where it was."""
    if not record.repository.is_dir():
        raise NotApplied(
            f"{record.repository} is not there any more, and with it the branch {record.branch}: put it back"
        )
    repository = Repository(record.repository, environ)
    if repository.top.resolve() != record.repository.resolve():
        raise NotApplied(
            f"{record.repository} is no repository any more: its branch {record.branch} is not to be found"
        )
    return repository


def _at(head: Head, origin: Head) -> bool:
    return head.branch == origin.branch if head.branch else head.commit == origin.commit


def _left(repository: Repository, record: AppliedRecord) -> tuple[Head, list[str]]:
    """Take the user back, and the file's own bytes with them where git has it as before. Where they are, and notes."""
    mode = record.file.stat().st_mode if record.file.exists() else None
    head, notes = repository.go(record.origin), list[str]()
    if head.branch != record.origin.branch:
        notes.append(f"the branch {record.origin} is gone: you are on no branch, at the commit that it was at")
    before = record.before()
    if before is not None:
        repository.give_back(record.name, before, mode)
    if changes := repository.changes():
        notes.append(f"git status tells of changes ({changes}): a filter of yours makes them")
    return head, notes


def _otherwise(repository: Repository, record: AppliedRecord, head: Head) -> list[str]:
    """In what the file is not as it was: nothing of it is ours to change."""
    there = repository.entry("HEAD", record.name)
    if not there:
        return [f"{record.file} is not on {head} any more"]
    if there == repository.entry(record.commit, record.name):
        return [f"the prompt came into {head} by other ways too, and stays there: git revert {record.commit[:12]}"]
    if there != repository.entry(record.origin.commit, record.name):
        return [f"{record.file} was changed on {head} since, and is left as it is there"]
    try:
        if record.before() == record.file.read_bytes():
            return []
    except OSError as error:
        return [f"{record.file} cannot be read: {error.strerror}"]
    return [f"{record.file} has the bytes that git gives it, which may not be those that it had"]
