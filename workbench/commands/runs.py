"""`workbench runs`: list the runs, newest first, and remove those that nothing needs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from workbench.commands.cache import MEGABYTE, Days
from workbench.commands.output import JsonFile, console_beside, print_columns, write_json
from workbench.errors import UserError
from workbench.evidence.summary import Summary, summarize
from workbench.evidence.words import money, plural
from workbench.foreign_text import printable
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.system.home import home

COLUMNS = ("run", "study", "date", "optimizer", "baseline", "best", "cost", "commit", "promoted", "state")

runs = App(name="runs", help="List the runs, and remove those that nothing needs.")


@runs.default
def list_runs(study: str | None = None, /, *, json_file: JsonFile = None) -> int:
    """List the runs, newest first.

    Parameters
    ----------
    study
        List only the runs of this study: its name, or its file.
    json_file
        A file for the list as JSON.
    """
    rows = [row for folder in _folders(home()) if (row := _row(folder))]
    if study is not None:
        # Imported here to keep the start of other commands fast.
        from workbench.study.names import name_of

        study = name_of(study, {row["study"] for row in rows if row["study"] is not None})
        rows = [row for row in rows if row["study"] == study]
    console = console_beside(json_file)
    print_columns(console, COLUMNS, [_cells(row) for row in rows])
    if not rows:
        which = "to list" if study is None else f"of {study}"
        console.print(f"there are no runs {printable(which)}: workbench run STUDY makes one", highlight=False)
    if json_file is not None:
        write_json(json_file, rows)
    return 0


@runs.command
def prune(
    *, days: Days = 30.0, dry_run: Annotated[bool, Parameter(negative=())] = False, json_file: JsonFile = None
) -> int:
    """Remove the folders of old finished runs. The answers that they paid for stay: see workbench cache prune.

    The newest run of each study stays, and so does every run that is unfinished, promoted or applied. The ledger keeps
    the trials of the runs that are removed.

    Parameters
    ----------
    days
        Remove runs that began more than this many days ago.
    dry_run
        List what would be removed, and remove nothing.
    json_file
        A file for the result as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.upkeep.prune import prune_runs

    pruned = prune_runs(home(), days, dry_run=dry_run)
    console = console_beside(json_file)
    for name, reason in pruned.kept.items():
        console.print(f"kept {name}: {printable(reason)}", highlight=False, markup=False)
    verb = "would remove" if dry_run else "removed"
    for name in pruned.removed:
        console.print(f"{verb} {name}", highlight=False, markup=False)
    runs = f"{plural(len(pruned.removed), 'run')} of {len(pruned.removed) + len(pruned.kept)}"
    console.print(f"{verb} {runs}, {pruned.bytes / MEGABYTE:.1f} MB", highlight=False)
    if json_file is not None:
        write_json(
            json_file,
            {"dry_run": dry_run, "removed": pruned.removed, "kept": pruned.kept, "bytes": pruned.bytes},
        )
    return 0


def _cells(row: dict[str, Any]) -> list[object]:
    """Return the values of a run as the table shows them."""
    shown = {"commit": lambda commit: commit[:12], "baseline": "{:.2f}".format, "best": "{:.2f}".format, "cost": money}
    return [shown[name](row[name]) if name in shown and row[name] is not None else row[name] for name in COLUMNS]


def _folders(folder: Path) -> list[RunFolder]:
    """Return the folders of all runs, the newest name first."""
    return [RunFolder(path) for path in sorted((folder / "runs").glob("*/"), reverse=True)]


def _row(folder: RunFolder) -> dict[str, Any] | None:
    """Return the values of one run; None for a folder in which no run has begun."""
    if not folder.has(RunRecord):
        return None
    try:
        return _values(folder, summarize(folder))
    except UserError as error:
        # One damaged folder does not hide the others.
        return {**dict.fromkeys(COLUMNS), "run": folder.name, "state": f"unreadable: {error}"}


def _values(folder: RunFolder, summary: Summary) -> dict[str, Any]:
    comparison, costs = summary.comparison, summary.costs
    return {
        "run": folder.name,
        "study": summary.study,
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime(summary.record.started)),
        "optimizer": summary.record.optimizer,
        "baseline": round(comparison.baseline, 2) if comparison else None,
        "best": round(comparison.best, 2) if comparison else None,
        "cost": None if costs.paid is None else round(costs.paid, 4),
        "commit": summary.record.commit,
        "promoted": summary.promoted.number if summary.promoted else None,
        "state": f"{summary.status}{', rehearsal' if summary.rehearsal else ''}",
    }
