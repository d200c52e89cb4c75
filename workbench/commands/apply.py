"""`workbench apply`: put the best prompt of a run into the user's pipeline file, or take it back."""

from __future__ import annotations

import os
from typing import Annotated

from cyclopts import Parameter

from workbench.commands.output import JsonFile, err, print_foreign, write_json
from workbench.errors import UserError
from workbench.evidence.report import printable
from workbench.run.folder import RunFolder
from workbench.system.home import home


def apply(
    run: str | None = None,
    /,
    *,
    step: str | None = None,
    goal: str | None = None,
    branch: str | None = None,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    revert: Annotated[bool, Parameter(negative=())] = False,
    anyway: Annotated[bool, Parameter(negative=())] = False,
    json_file: JsonFile = None,
) -> int:
    """Put the best prompt of a run into the pipeline file that it was measured with, on a new git branch.

    Parameters
    ----------
    run
        The run's name, the beginning of it, or `latest`, which it is by default; with --revert the one applied last.
    step
        The step that the prompt goes to, where several take it.
    goal
        The goal that is written with the prompt, where the prompt is a step's own text and the study has several.
    branch
        Instead of workbench/RUN.
    dry_run
        Show the change, and make none.
    revert
        Go back to the branch and the state before.
    anyway
        Also a prompt that was measured as worse than the first.
    json_file
        Write what was done there, as JSON.
    """
    # Imported here, as no other command needs it.
    from workbench.apply import apply as applying
    from workbench.apply import revert as reverting
    from workbench.apply.placement import Chosen

    if revert:
        if dry_run or anyway or (step, goal, branch) != (None, None, None):
            raise UserError("--revert takes a run and --json, and nothing else: it goes back to where you were")
        reverted = reverting.revert(home(), run, os.environ)
        report, notes, lines = reverted.to_json(), reverted.notes, reverted.lines()
    else:
        folder = RunFolder.find(home(), run or "latest")
        applied = applying.apply(folder, Chosen(step, goal), branch, os.environ, dry_run=dry_run, anyway=anyway)
        report, notes, lines = applied.to_json(), applied.notes, applied.lines(dry_run=dry_run)
    for note in notes:
        err.print(f"note: {printable(note)}", markup=False, highlight=False)
    print_foreign("\n".join(lines))
    if json_file is not None:
        write_json(json_file, report)
    return 0
