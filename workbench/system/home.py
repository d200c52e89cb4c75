"""Where Workbench keeps what outlives a run. Read once at the edge; everything deeper is given a path."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import UserError
from workbench.system.files import why_unwritable


def ensure_usable(path: Path) -> Path:
    """The same folder, there and ours to write into.

    Raises:
        UserError: why it is not.
    """
    if why := why_unwritable(path):
        raise UserError(f"{path} cannot be used ({why}): set WORKBENCH_HOME to a folder for what is to be kept")
    return path


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """`WORKBENCH_HOME`, or the user's data folder: never the checkout.

    results/     answers that were paid for, by key
    executions/  a folder for every execution: prompt, plan, logs
    runs/        a folder for every run: study, candidates, journal, report
    prefect/     the Prefect server's database, unless PREFECT_HOME says otherwise
    """
    if told := environ.get("WORKBENCH_HOME"):
        return Path(told).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "workbench"
