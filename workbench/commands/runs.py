"""`workbench runs`: list the runs, newest first."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from rich.table import Table

from workbench.commands.output import JsonFile, console_beside, write_json
from workbench.errors import UserError
from workbench.evidence.report import printable
from workbench.evidence.summary import Summary, summarize
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord
from workbench.system.home import home

COLUMNS = ("run", "study", "date", "optimizer", "baseline", "best", "cost", "state")


def runs(study: str | None = None, /, *, json_file: JsonFile = None) -> int:
    """List the runs, newest first.

    Parameters
    ----------
    study
        Only the runs of the study with this name.
    json_file
        A file for the list as JSON.
    """
    listed = [row for folder in _folders(home()) if (row := _row(folder)) and study in (None, row["study"])]
    console = console_beside(json_file)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in COLUMNS:
        table.add_column(column, no_wrap=True, justify="right" if column in ("baseline", "best", "cost") else "left")
    for row in listed:
        table.add_row(*("–" if row[column] is None else printable(str(row[column])) for column in COLUMNS))
    console.print(table if listed else "there are no runs yet: workbench run STUDY makes one")
    if json_file is not None:
        write_json(json_file, listed)
    return 0


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
        # In dollars. A rehearsal costs nothing, and a run of an older version knows no cost.
        "cost": None if costs.unknown else 0.0 if summary.rehearsal else round(costs.dollars, 4),
        "state": f"{summary.status}{', rehearsal' if summary.rehearsal else ''}",
    }
