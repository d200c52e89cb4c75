"""Puts the best prompt of a run into the user's pipeline file: one commit on a new git branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.apply.conditions import clean_head, require_head, require_identity, require_new_branch_name
from workbench.apply.patch import patch
from workbench.apply.placement import Chosen, Place, place
from workbench.apply.prompt import Prompt, prompt_of_run
from workbench.apply.record import AppliedRecord, delete_applied, load_applied, save_applied
from workbench.apply.repository import Repository, StoredFile
from workbench.apply.status import Head
from workbench.errors import NotApplied
from workbench.execution.runtimes import SHIPPED_PIPELINE
from workbench.foreign_text import one_line
from workbench.pipeline_file.write_back import write_back
from workbench.run.folder import RunFolder


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
        anyway: also apply a prompt that was measured as worse than the baseline, or in a rehearsal.

    Raises:
        RunNotFound: the run has no confirmed best prompt yet, or its folder is incomplete.
        NotApplied: the prompt cannot be applied. Nothing was changed, except if git failed halfway. In that case the
            message says so, and `revert` still works.
    """
    return apply_prompt(prompt_of_run(run, pipeline), chosen, branch, environ, dry_run=dry_run, anyway=anyway)


def apply_prompt(
    prompt: Prompt,
    chosen: Chosen,
    branch: str | None,
    environ: Mapping[str, str],
    *,
    dry_run: bool = False,
    anyway: bool = False,
) -> Applied:
    """Write a prompt to the place where it was measured. The arguments and errors are those of `apply`."""
    target = place(prompt, chosen)
    after = write_back(target.content, target.step, target.part, target.text)
    notes = (*prompt.notes, *_notes(target, after))
    diff = patch(target.content, after, target.file)
    unchanged = Applied(prompt.run, target.file, target.step, diff, None, None, notes, prompt.promotion)
    if after == target.content:
        return unchanged
    if prompt.objection and not anyway:
        raise NotApplied(f"{prompt.objection}; --anyway applies it")
    new_branch = f"workbench/{prompt.run}" if branch is None else branch
    change = _applicable(Repository(target.file.parent, environ), prompt, target, after.encode(), new_branch)
    if dry_run:
        return unchanged
    record, more_notes = _commit_and_check_out(change, prompt, _commit_message(prompt, target.step, notes))
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


def _applicable(repository: Repository, prompt: Prompt, target: Place, after: bytes, new_branch: str) -> _Change:
    """Return the change. Check that a commit on the new branch can be made, and that git holds the file as it is now.

    Raises:
        NotApplied: the commit cannot be made, or git holds another content.
    """
    origin, before = clean_head(repository), target.content.encode()
    stored = repository.stored(origin.commit, repository.name(target.file), before)
    require_identity(repository)
    _require_not_applied(repository, prompt.record)
    require_new_branch_name(repository, new_branch)
    mode = target.file.stat().st_mode
    return _Change(repository, origin, stored, target.file, mode, before, after, new_branch)


def _commit_and_check_out(change: _Change, prompt: Prompt, message: str) -> tuple[AppliedRecord, tuple[str, ...]]:
    """Commit the change on a new branch and check the branch out. Return the record and notes for a person.

    The record is saved before the change becomes visible in the repository.
    """
    repository, branch = change.repository, change.branch
    commit = repository.commit(change.stored, change.after, message)
    record = AppliedRecord(
        repository=repository.top, name=change.stored.name, branch=branch, commit=commit, origin=change.origin
    )
    require_head(repository, change.origin)
    save_applied(prompt.record, record, change.before)
    try:
        repository.add_branch(branch, commit)
        repository.checkout(Head(branch, commit))
    except NotApplied:
        status = repository.status()
        if status.head.branch != branch and not status.changes:
            repository.delete_branch(branch, commit)
            delete_applied(prompt.record)
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
    if earlier is None:
        return
    if repository.has_branch(earlier.branch):
        raise NotApplied(
            f"{run.name} is already applied on branch {earlier.branch}: git switch {earlier.branch} checks it out, "
            f"workbench apply {run.name} --revert takes it back"
        )
    if _is_applied_elsewhere(earlier, repository):
        raise NotApplied(
            f"{run.name} is already applied on branch {earlier.branch} of {earlier.repository}, and Workbench can only "
            f"go back from one place: take it back there with workbench apply {run.name} --revert, or remove the branch"
        )


def _is_applied_elsewhere(earlier: AppliedRecord, repository: Repository) -> bool:
    """Return True if the branch of an earlier record exists in another repository on this machine."""
    if earlier.repository == repository.top:
        return False
    try:
        return Repository(earlier.repository, repository.git.environ).has_branch(earlier.branch)
    except NotApplied:
        # The other repository was removed.
        return False


def _notes(target: Place, after: str) -> list[str]:
    """Return what a person should know about the pipeline file before relying on the prompt."""
    notes = []
    if target.file.resolve() == SHIPPED_PIPELINE:
        notes.append(
            "this pipeline comes with Workbench: on the new branch, every study that uses the pipeline gets the prompt"
        )
    if target.content not in (target.measured, after):
        notes.append("the pipeline file changed after it was measured: the prompt may score differently in it")
    return notes


def _commit_message(prompt: Prompt, step: str, notes: tuple[str, ...]) -> str:
    """Return the commit message, with the score, its interval and the run."""
    parts = [
        one_line(f"{prompt.title} into step {step}"),
        one_line(prompt.result),
        *(one_line(f"Note: {note}.") for note in notes),
        prompt.trailer,
    ]
    return "\n\n".join(parts)
