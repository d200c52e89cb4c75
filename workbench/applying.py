"""The winner of a run in the user's own pipeline file: one commit on a new branch, and back again."""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.errors import NotApplied, RunNotFound
from workbench.evidence.report import rehearsal, sentence, visible
from workbench.evidence.summary import Summary, summarize
from workbench.execution.write_back import write_back
from workbench.files import write_whole
from workbench.git import Repository
from workbench.placing import Chosen, place
from workbench.runs import RunFolder

#: Where it was applied, in the run's folder, and the file as it was.
RECORD, BEFORE = "applied.json", "applied.before"


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


@dataclass(frozen=True)
class Reverted:
    """`now` is the branch, or the commit, that the user is on again."""

    run: str
    file: Path
    now: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "file": str(self.file)}


def apply(run: RunFolder, chosen: Chosen, branch: str | None, environ: Mapping[str, str], *, dry_run: bool) -> Applied:
    """Put the run's best prompt where it was measured.

    Raises:
        RunNotFound: it has no confirmed winner yet.
        NotApplied: why it cannot be put there; nothing was changed.
    """
    summary = summarize(run)
    if summary.status != "done":
        raise RunNotFound(
            f"{run.name} has no confirmed winner yet: it is {summary.status}; run the study again to go on"
        )
    found = place(run, chosen)
    before = found.file.read_bytes()
    after = write_back(_text(before, found.file), found.step, found.part, found.text).encode()
    notes = _notes(summary, found.step, found.part, found.text)
    made = Applied(run.name, found.file, found.step, _diff(before, after, found.file.name), None, None, notes)
    if dry_run or before == after:
        return made
    repository = Repository(found.file.parent, environ)
    repository.ask_for_clean()
    repository.ask_for_identity()
    head, name = repository.head(), branch or f"workbench/{run.name}"
    commit = repository.commit(found.file, after, _message(summary, found.step, notes), name)
    write_whole(run.path / BEFORE, before)
    run.write_json(
        RECORD,
        {
            "file": str(found.file),
            "branch": name,
            "commit": commit,
            "from": {"branch": head.branch, "commit": head.commit},
            "at": time.time(),
        },
    )
    try:
        repository.go(name, found.file, after)
    except NotApplied:
        repository.delete(name, commit)
        (run.path / RECORD).unlink()
        raise
    return Applied(run.name, found.file, found.step, made.diff, name, commit, notes)


def revert(home: Path, name: str | None, environ: Mapping[str, str]) -> Reverted:
    """Go back to where the user was before a run, by default the last one, was applied. Its branch goes with it.

    Raises:
        RunNotFound: no such run, or nothing is applied.
        NotApplied: why there is no way back; nothing was changed.
    """
    run = RunFolder.find(home, name) if name else _last(home)
    if not (run.path / RECORD).exists():
        raise RunNotFound(f"{run.name} is not applied: workbench apply {run.name} does it")
    record = run.read_json(RECORD)
    file, branch, came_from = Path(record["file"]), record["branch"], record["from"]
    repository = Repository(file.parent, environ)
    repository.ask_for_clean()
    head, now = repository.head(), came_from["branch"] or came_from["commit"]
    if head.branch not in (branch, came_from["branch"]):
        raise NotApplied(f"{repository.top} is on {head.branch or head.commit}: git switch {branch} first, then again")
    if head.branch == branch:
        repository.go(now, file, (run.path / BEFORE).read_bytes(), detach=came_from["branch"] is None)
    notes: tuple[str, ...] = ()
    if (at := repository.branch(branch)) == record["commit"]:
        repository.delete(branch, record["commit"])
    elif at is not None:
        notes = (f"the branch {branch} has more commits than ours, and is kept",)
    (run.path / RECORD).unlink()
    return Reverted(run.name, file, now, notes)


def _last(home: Path) -> RunFolder:
    applied = [(json.loads(record.read_bytes())["at"], record.parent) for record in (home / "runs").glob(f"*/{RECORD}")]
    if not applied:
        raise RunNotFound("no run is applied: workbench apply RUN does it")
    return RunFolder(max(applied)[1])


def _text(content: bytes, file: Path) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise NotApplied(f"{file} is not UTF-8 (byte {error.start}): convert it first") from error


def _notes(summary: Summary, step: str, part: int, text: str) -> tuple[str, ...]:
    """What a person should know before they believe in it."""
    notes = [] if summary.rehearsal is None else [rehearsal(summary.rehearsal)]
    if summary.comparison is not None and not summary.comparison.better:
        notes.append("this prompt is not better than the first beyond chance")
    about, measured = summary.about, summary.run / "pipeline.yaml"
    file = Path(about["pipeline"]).read_bytes()
    if measured.exists() and file != (before := measured.read_bytes()):
        applied = write_back(before.decode(), step, part, text).encode()
        if file != applied:
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


def _diff(before: bytes, after: bytes, name: str) -> str:
    """As `git diff` would show it, so that git or patch can apply it."""
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", one.decode()) for one in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
