"""The winner of a run in the user's own pipeline file: one commit on a new branch."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workbench.apply.git import Head, Repository
from workbench.apply.placement import Chosen, Place, place
from workbench.apply.record import WayBack
from workbench.errors import NotApplied, RunNotFound
from workbench.evidence.report import by_chance, rehearsal, sentence, visible
from workbench.evidence.summary import Summary, summarize
from workbench.execution.runtimes import SHIPPED_PIPELINE
from workbench.pipeline_file.write_back import write_back
from workbench.run.folder import RunFolder


@dataclass(frozen=True)
class Applied:
    """`branch` and `commit` are None where nothing was changed; `notes` are for a person."""

    run: str
    file: Path
    step: str
    diff: str
    branch: str | None
    commit: str | None
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file), "changed": self.commit is not None}

    def lines(self, *, dry_run: bool) -> list[str]:
        """What a person reads."""
        if not self.diff:
            return [f"{self.file} has this prompt already; nothing was changed"]
        if dry_run:
            return self.diff.removesuffix("\n").split("\n")
        return [
            f"{self.file}: the best prompt of {self.run} is in step {self.step}",
            f"on the new branch {self.branch}, commit {str(self.commit)[:12]}; workbench apply --revert goes back",
        ]


def apply(
    run: RunFolder,
    chosen: Chosen,
    branch: str | None,
    environ: Mapping[str, str],
    *,
    dry_run: bool = False,
    anyway: bool = False,
) -> Applied:
    """Put the run's best prompt where it was measured; with `anyway` also one that was measured as worse.

    Raises:
        RunNotFound: it has no confirmed winner yet, or its folder is not whole.
        NotApplied: why it cannot be put there. Nothing was changed; but where git stopped halfway, and says so, the
            way back is kept.
    """
    summary = summarize(run)
    if summary.status != "done":
        raise RunNotFound(
            f"{run.name} has no confirmed winner yet: it is {summary.status}; run the study again to go on"
        )
    found = place(run, chosen)
    after = write_back(found.content, found.step, found.part, found.text)
    notes = _notes(summary, found, after)
    made = Applied(run.name, found.file, found.step, _diff(found.content, after, found.file), None, None, notes)
    if after == found.content:
        return made
    if dry_run:
        if branch is not None:
            Repository(found.file.parent, environ).ask_for_name(branch)
        return made
    if (worse := _worse(summary)) and not anyway:
        raise NotApplied(f"{worse}; --anyway applies it")
    repository = Repository(found.file.parent, environ)
    way, done = _go(repository, run, found, after.encode(), _message(summary, found.step, notes), branch)
    return replace(made, branch=way.branch, commit=way.commit, notes=(*notes, *done))


def _go(
    repository: Repository, run: RunFolder, found: Place, after: bytes, message: str, branch: str | None
) -> tuple[WayBack, tuple[str, ...]]:
    """Commit, and take the user there. The way back is kept before anything shows. Returns notes as well."""
    wanted = f"workbench/{run.name}" if branch is None else branch
    repository.ask_for_clean()
    repository.ask_for_identity()
    _ask_for_no_earlier(repository, run)
    repository.ask_for_name(wanted)
    name, mode, before = repository.name(found.file), found.file.stat().st_mode, found.content.encode()
    origin = repository.head()
    commit = repository.commit(name, before, after, message)
    way = WayBack(run, repository.top, name, wanted, commit, origin)
    way.keep(before)
    try:
        repository.add(wanted, commit)
        repository.go(Head(wanted, commit))
    except NotApplied:
        if repository.head() == origin and not repository.changes():
            repository.delete(wanted, commit)
            way.forget()
        raise
    if repository.give_back(name, after, mode) and not repository.changes():
        return way, ()
    return way, (f"git made something else of {found.file} than was applied: see git status, and its attributes",)


def _ask_for_no_earlier(repository: Repository, run: RunFolder) -> None:
    """A second way back would be kept in the place of the first, which nobody would find any more."""
    earlier = WayBack.of(run)
    if earlier is not None and repository.branch(earlier.branch):
        raise NotApplied(
            f"{run.name} is applied on branch {earlier.branch}: git switch {earlier.branch} leads there, "
            f"workbench apply {run.name} --revert takes it back"
        )


def _worse(summary: Summary) -> str | None:
    comparison = summary.comparison
    if comparison is None or comparison.best >= comparison.baseline:
        return None
    return f"this prompt is worse than the first: {comparison.best:.2f} against {comparison.baseline:.2f}"


def _notes(summary: Summary, found: Place, after: str) -> tuple[str, ...]:
    """What a person should know before they believe in it."""
    notes = [] if summary.rehearsal is None else [rehearsal(summary.rehearsal, summary.real_in_rehearsal)]
    if said := _worse(summary) or by_chance(summary):
        notes.append(said)
    if found.file.resolve() == SHIPPED_PIPELINE:
        notes.append("this pipeline comes with Workbench: on that branch, every study that names it has the prompt")
    if found.content not in (found.measured, after):
        notes.append("the pipeline file is not the one that was measured any more: its score may be another")
    return tuple(notes)


def _message(summary: Summary, step: str, notes: tuple[str, ...]) -> str:
    """What the commit says: score, interval and run."""
    parts = [
        _line(f"Put the best prompt of study {summary.study} into step {step}"),
        _line(sentence(summary)),
        *(_line(f"Note: {note}.") for note in notes),
        f"Run: {summary.run.name}\nCandidate: {summary.best}\n"
        f"Confirmed on: {len(summary.confirm)} fresh executions of both prompts",
    ]
    return "\n\n".join(parts)


def _line(text: str) -> str:
    return " ".join(visible(text).split())


def _diff(before: str, after: str, file: Path) -> str:
    """As `git diff` would show it, so that git or patch can apply it at the top of the repository."""
    top = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
    name = file.relative_to(top).as_posix()
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
