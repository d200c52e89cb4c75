"""Finds the folder in which Workbench keeps all results.

Only the command line and the flows read it from the environment. All other code gets a path as an argument.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import UserError
from workbench.system.files import why_unwritable


def ensure_usable(path: Path) -> Path:
    """Create the folder if it is missing, and return it.

    Raises:
        UserError: files cannot be written into the folder. The message gives the reason.
    """
    if reason := why_unwritable(path):
        raise UserError(f"{path} cannot be used ({reason}): set WORKBENCH_HOME to a folder for results")
    return path


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `WORKBENCH_HOME`. If it is not set, return a folder among the user's data, never the checkout.

    results/     paid answers, by cache key
    executions/  one folder per execution: prompt, plan, logs
    runs/        one folder per run: study, candidates, journal, report
    prefect/     the Prefect server's database, unless PREFECT_HOME names another folder
    """
    if path := environ.get("WORKBENCH_HOME"):
        return Path(path).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "workbench"
