"""`workbench show`: show the state and the result of a run."""

from __future__ import annotations

from workbench.commands import progress
from workbench.commands.output import JsonFile, console_beside, write_json
from workbench.evidence.report import rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.system.home import home


def show(run: str = "latest", /, *, json_file: JsonFile = None) -> int:
    """Show the state and the result of a run.

    Parameters
    ----------
    run
        The run's name, the beginning of its name, or `latest`, the newest run with a result.
    json_file
        A file for the report as JSON.
    """
    summary = summarize(RunFolder.find(home(), run))
    progress.table(summary.study, rows(summary), console_beside(json_file))
    if json_file is not None:
        write_json(json_file, ReportRecord.of(summary).to_json())
    return 0
