"""Removes run folders and kept answers that nothing needs any more.

A run needs its folder and its answers while it is unfinished, because the same command goes on with them, and when its
prompt was promoted, because they are the evidence for a prompt in use. Nothing of such a run is ever removed. But an
interrupted run counts as finished if the same command has finished since, in a run of its own.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from workbench.errors import RunNotFound, UserError
from workbench.evidence.summary import Summary, summarize
from workbench.run.folder import CALIBRATED, DRAWN, RunFolder
from workbench.run.record import AnswerRecord, RunRecord
from workbench.system.locks import try_lock

SECONDS_PER_DAY = 86_400.0
#: The file of a run that stands for an applied prompt. `workbench apply --revert` needs it.
APPLIED = "applied.json"

#: An answer: the name of its task, and its key.
Answer = tuple[str, str]


@dataclass
class Pruned:
    """The runs or answers that were removed, or that a dry run would remove.

    Attributes:
        removed: their names.
        kept: the reason why a run is not removed, by its name; empty for answers.
        bytes: the size of everything that is removed.
    """

    removed: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    bytes: int = 0


def prune_runs(home: Path, days: float, *, dry_run: bool, now: float | None = None) -> Pruned:
    """Remove the folders of finished runs that began more than `days` days ago.

    The newest run of each study stays, and so does every run that is unfinished, promoted or applied.
    """
    now = time.time() if now is None else now
    pruned, newest = Pruned(), set[str]()
    for folder, summary, reason in _runs(home):
        if reason is None and summary is not None:
            if summary.study not in newest:
                reason = "the newest run of its study"
            elif now - summary.record.started < days * SECONDS_PER_DAY:
                reason = f"younger than {days:g} day{'' if days == 1 else 's'}"
            newest.add(summary.study)
        if reason is not None:
            pruned.kept[folder.name] = reason
            continue
        pruned.removed.append(folder.name)
        pruned.bytes += size(folder.path)[1]
        if not dry_run:
            # Without its record, a folder that is only half removed is no run any more.
            (folder.path / RunRecord.FILE).unlink()
            shutil.rmtree(folder.path)
    return pruned


def prune_answers(home: Path, days: float, *, dry_run: bool, now: float | None = None) -> Pruned:
    """Remove kept answers and execution folders that are more than `days` days old and that no run needs.

    Answers of runs that began in the last `days` days stay, too: the next search may ask for them again.

    Raises:
        RunNotFound: nobody may look into the folder of a run. Nothing was removed.
    """
    oldest = (time.time() if now is None else now) - days * SECONDS_PER_DAY
    needed, needed_until = _needed(home, oldest)
    pruned = Pruned()
    for answer, paths in answers(home).items():
        written = max(path.stat().st_mtime for path in paths)
        if answer in needed or written <= needed_until or written >= oldest:
            continue
        release = try_lock(home / "locks" / "-".join(answer))
        if release is None:
            # A run buys this answer now.
            continue
        try:
            pruned.removed.append("/".join(answer))
            pruned.bytes += sum(size(path)[1] for path in paths)
            if not dry_run:
                for path in paths:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        finally:
            release()
    return pruned


def answers(home: Path) -> dict[Answer, list[Path]]:
    """Return all kept answers, each with its file and, for an execution, its folder."""
    paths: dict[Answer, list[Path]] = {}
    for file in sorted((home / "results").glob("*/*")):
        if file.is_file() and not file.name.startswith("."):
            paths.setdefault((file.parent.name, file.name), []).append(file)
    for folder in sorted((home / "executions").glob("*/")):
        paths.setdefault(("execute", folder.name), []).append(folder)
    return paths


def size(path: Path) -> tuple[int, int]:
    """Return the number of files in a folder, and the number of their bytes. A file counts as a folder of one file."""
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return len(files), sum(file.lstat().st_size for file in files)


def _runs(home: Path) -> Iterator[tuple[RunFolder, Summary | None, str | None]]:
    """Yield each run, the newest first: its folder, its summary if it can be read, and why it is needed, or None."""
    folders = [RunFolder(path) for path in sorted((home / "runs").glob("*/")) if RunFolder(path).has(RunRecord)]
    runs = [(folder, _summary(folder)) for folder in folders]
    finished: list[RunRecord] = []
    for folder, summary in sorted(runs, key=lambda run: run[1].record.started if run[1] else 0.0, reverse=True):
        yield folder, summary, _reason_to_keep(folder, summary, finished)
        if summary is not None and summary.status == "done":
            finished.append(summary.record)


def _is_same_search(one: RunRecord, other: RunRecord) -> bool:
    """Return True if two runs ask for the same answers: they differ only in when and where they were made."""
    if one.fingerprint is None:
        return False
    circumstances = {"run_id", "study_file", "pipeline", "commit", "flow_run_url", "started", "calibration_dollars"}
    return one.model_dump(exclude=circumstances) == other.model_dump(exclude=circumstances)


def _summary(folder: RunFolder) -> Summary | None:
    try:
        return summarize(folder)
    except UserError:
        return None


def _reason_to_keep(folder: RunFolder, summary: Summary | None, finished: Sequence[RunRecord]) -> str | None:
    """Return why a run needs its folder and its answers, or None. `finished` are the later runs that have finished."""
    if summary is None:
        return "its folder cannot be read"
    if summary.promoted is not None:
        return f"promoted as champion {summary.promoted.number}"
    if (folder.path / APPLIED).exists():
        return "applied to a pipeline file"
    is_repeated = any(_is_same_search(summary.record, record) for record in finished)
    if summary.status != "done" and (summary.stopped is None or not is_repeated):
        return f"unfinished ({summary.status})"
    return "a process works on it" if summary.stopped is None else None


def _needed(home: Path, oldest: float) -> tuple[set[Answer], float]:
    """Return the answers that runs need, and the time until which every answer is needed.

    Runs of earlier versions did not list their answers. If such a run needs its answers, these can be any answers that
    were there when the run ended.

    Raises:
        RunNotFound: nobody may look into the folder of a run.
    """
    needed, needed_until = set[Answer](), 0.0
    for path in (path for root in (CALIBRATED, DRAWN) for path in (home / root).glob("*/")):
        # A calibration is kept for good, so that a second calibration with probes buys only the probes. A drawing is
        # kept, too.
        needed |= {(record.task, record.key) for record in RunFolder(path).lines(AnswerRecord)}
    for folder, summary, reason in _runs(home):
        if summary is not None and reason is None and summary.record.started < oldest:
            continue
        if summary is not None and folder.has(AnswerRecord):
            needed |= {(record.task, record.key) for record in folder.lines(AnswerRecord)}
        else:
            times = [file.stat().st_mtime for file in folder.path.rglob("*")]
            if not times:
                raise RunNotFound(
                    f"{folder.path} cannot be read, so nobody can tell which answers its run needs: make the folder "
                    "and its files readable, or remove it"
                )
            needed_until = max(needed_until, *times)
    return needed, needed_until
