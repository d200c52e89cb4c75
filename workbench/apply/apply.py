"""Puts the best prompt of a run into the user's pipeline file: one commit on a new git branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.apply.conditions import clean_head, require_head, require_identity, require_new_branch_name
from workbench.apply.patch import patch
from workbench.apply.placement import Chosen, Place, place
from workbench.apply.record import AppliedRecord, delete_applied, load_applied, save_applied
from workbench.apply.repository import Repository, StoredFile
from workbench.apply.status import Head
from workbench.errors import NotApplied, RunNotFound
from workbench.evidence.sentence import by_chance, rehearsal, sentence
from workbench.evidence.summary import Summary, summarize
from workbench.evidence.trust import promotion_command
from workbench.execution.runtimes import SHIPPED_PIPELINE
from workbench.foreign_text import one_line
from workbench.pipeline_file.write_back import write_back
from workbench.run.folder import RunFolder
from workbench.run.record import PromotedRecord


@dataclass(frozen=True)
class Applied:
    """The result of `apply`.

    Attributes:
        branch, commit: None if nothing changed.
        notes: warnings for a person.
        promotion: the command that makes the prompt the champion; None if the run's prompt was promoted before.
    """

    run: str
    file: Path
    step: str
    diff: str
    branch: str | None
    commit: str | None
    notes: tuple[str, ...]
    promotion: str | None

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file), "changed": self.commit is not None}

    def lines(self, *, dry_run: bool) -> list[str]:
        """Return the lines that `workbench apply` prints."""
        if not self.diff:
            return [f"{self.file} already has this prompt; nothing was changed"]
        if dry_run:
            return self.diff.removesuffix("\n").split("\n")
        promoted = "" if self.promotion is None else f": {self.promotion} does that"
        return [
            f"{self.file}: step {self.step} now has the best prompt of {self.run}",
            f"on the new branch {self.branch}, commit {str(self.commit)[:12]}; workbench apply --revert goes back",
            f"no champion was changed{promoted}",
        ]


def apply(
    run: RunFolder,
    chosen: Chosen,
    branch: str | None,
    environ: Mapping[str, str],
    *,
    pipeline: Path | None = None,
    dry_run: bool = False,
    anyway: bool = False,
) -> Applied:
    """Write the run's best prompt to the place where the run measured it.

    Args:
        branch: the new branch; by default `workbench/RUN`.
        pipeline: the user's own pipeline file. By default, the run names it.
        dry_run: only compute the change. A dry run refuses what applying refuses.
        anyway: also apply a prompt that was measured as worse than the first, or in a rehearsal.

    Raises:
        RunNotFound: the run has no confirmed best prompt yet, or its folder is incomplete.
        NotApplied: the prompt cannot be applied. Nothing was changed, except if git failed halfway. In that case the
            message says so, and `revert` still works.
    """
    summary = summarize(run)
    if summary.status != "done":
        raise RunNotFound(
            f"{run.name} has no confirmed best prompt yet: its state is {summary.status}; "
            "run the study again to continue it"
        )
    target = place(run, chosen, pipeline)
    after = write_back(target.content, target.step, target.part, target.text)
    notes = _notes(summary, target, after)
    diff = patch(target.content, after, target.file)
    promotion = None if run.has(PromotedRecord) else promotion_command(summary.record, run.name)
    unchanged = Applied(run.name, target.file, target.step, diff, None, None, notes, promotion)
    if after == target.content:
        return unchanged
    if (warning := _rehearsal_warning(summary) or _worse_warning(summary)) and not anyway:
        raise NotApplied(f"{warning}; --anyway applies it")
    new_branch = f"workbench/{run.name}" if branch is None else branch
    change = _applicable(Repository(target.file.parent, environ), run, target, after.encode(), new_branch)
    if dry_run:
        return unchanged
    record, more_notes = _commit_and_check_out(change, run, _commit_message(summary, target.step, notes))
    return replace(unchanged, branch=record.branch, commit=record.commit, notes=(*notes, *more_notes))


@dataclass(frozen=True)
class _Change:
    """A change of the pipeline file that can be committed.

    Attributes:
        origin: what is checked out.
        stored: how git holds the file before the change.
        mode: the mode of the file on disk.
        branch: the new branch.
    """

    repository: Repository
    origin: Head
    stored: StoredFile
    file: Path
    mode: int
    before: bytes
    after: bytes
    branch: str


def _applicable(repository: Repository, run: RunFolder, target: Place, after: bytes, new_branch: str) -> _Change:
    """Return the change. Check that a commit on the new branch can be made, and that git holds the file as it is now.

    Raises:
        NotApplied: the commit cannot be made, or git holds another content.
    """
    origin, before = clean_head(repository), target.content.encode()
    stored = repository.stored(origin.commit, repository.name(target.file), before)
    require_identity(repository)
    _require_not_applied(repository, run)
    require_new_branch_name(repository, new_branch)
    mode = target.file.stat().st_mode
    return _Change(repository, origin, stored, target.file, mode, before, after, new_branch)


def _commit_and_check_out(change: _Change, run: RunFolder, message: str) -> tuple[AppliedRecord, tuple[str, ...]]:
    """Commit the change on a new branch and check the branch out. Return the record and notes for a person.

    The record is saved before the change becomes visible in the repository.
    """
    repository, branch = change.repository, change.branch
    commit = repository.commit(change.stored, change.after, message)
    record = AppliedRecord(
        repository=repository.top, name=change.stored.name, branch=branch, commit=commit, origin=change.origin
    )
    require_head(repository, change.origin)
    save_applied(run, record, change.before)
    try:
        repository.add_branch(branch, commit)
        repository.checkout(Head(branch, commit))
    except NotApplied:
        status = repository.status()
        if status.head.branch != branch and not status.changes:
            repository.delete_branch(branch, commit)
            delete_applied(run)
        raise
    if repository.restore_file(change.stored.name, change.after, change.mode) and not repository.status().changes:
        return record, ()
    return record, (
        f"git did not check out {change.file} as it was applied: see git status, and check the file's git attributes",
    )


def _require_not_applied(repository: Repository, run: RunFolder) -> None:
    """Check that the run is not applied already.

    A second record would overwrite the first, and nobody could revert the first any more.

    Raises:
        NotApplied: the run is applied, and its branch still exists.
    """
    earlier = load_applied(run)
    if earlier is not None and repository.has_branch(earlier.branch):
        raise NotApplied(
            f"{run.name} is already applied on branch {earlier.branch}: git switch {earlier.branch} checks it out, "
            f"workbench apply {run.name} --revert takes it back"
        )


def _rehearsal_warning(summary: Summary) -> str | None:
    """Return a warning if scripted models answered in the run."""
    return "this prompt was found in a rehearsal, which proves nothing about it" if summary.rehearsal else None


def _worse_warning(summary: Summary) -> str | None:
    """Return a warning if the best prompt scored lower than the first in the confirmation."""
    comparison = summary.comparison
    if comparison is None or comparison.best >= comparison.baseline:
        return None
    return f"this prompt is worse than the first: {comparison.best:.2f} against {comparison.baseline:.2f}"


def _notes(summary: Summary, target: Place, after: str) -> tuple[str, ...]:
    """Return what a person should know before relying on the prompt."""
    notes = [] if summary.rehearsal is None else [rehearsal(summary.rehearsal, summary.real_in_rehearsal)]
    if warning := _worse_warning(summary) or by_chance(summary):
        notes.append(warning)
    if target.file.resolve() == SHIPPED_PIPELINE:
        notes.append(
            "this pipeline comes with Workbench: on the new branch, every study that uses the pipeline gets the prompt"
        )
    if target.content not in (target.measured, after):
        notes.append("the pipeline file changed after it was measured: the prompt may score differently in it")
    return tuple(notes)


def _commit_message(summary: Summary, step: str, notes: tuple[str, ...]) -> str:
    """Return the commit message, with the score, its interval and the run."""
    parts = [
        one_line(f"Put the best prompt of study {summary.study} into step {step}"),
        one_line(sentence(summary)),
        *(one_line(f"Note: {note}.") for note in notes),
        f"Run: {summary.run.name}\nCandidate: {summary.best}\n"
        f"Confirmed on: {len(summary.confirm)} fresh executions of both prompts",
    ]
    return "\n\n".join(parts)
