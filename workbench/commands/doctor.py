"""`workbench doctor`: check that this machine has everything a study needs."""

from __future__ import annotations

import os
from pathlib import Path

from workbench.commands.output import JsonFile, console_beside, write_json
from workbench.errors import OutsideError
from workbench.foreign_text import printable
from workbench.study.opening import RunOptions, load
from workbench.system.home import home


def doctor(study: Path, /, *, json_file: JsonFile = None) -> int:
    """Check that this machine has everything a study needs, and say how to fix each missing thing. Calls no model.

    Parameters
    ----------
    study
        The study file.
    json_file
        A file for the checks as JSON.
    """
    # Imported here to keep the start of other commands fast.
    from workbench.study.readiness import examine, to_json

    loaded = load(RunOptions(study))
    checks = []
    for check in examine(loaded, home(), os.environ):
        checks.append(check)
        console_beside(json_file).print(
            f"{'ok     ' if check.passed else 'MISSING'}  {printable(check.name)}: {printable(check.state)}",
            markup=False,
        )
        if check.advice:
            console_beside(json_file).print(f"         {printable(check.advice)}", markup=False, highlight=False)
    if json_file is not None:
        write_json(json_file, to_json(loaded, checks))
    return 0 if all(check.passed for check in checks) else OutsideError.exit_code
