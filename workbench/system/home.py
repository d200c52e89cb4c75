"""Finds the folder in which Workbench keeps all results.

Only the command line and the flows read it from the environment. All other code gets a path as an argument.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import UserError
from workbench.system.files import PRIVATE_FOLDER, private_files, why_unwritable

#: Folders by which a home is known to be Workbench's.
OWN_FOLDERS = ("results", "executions", "runs", "prefect")


def ensure_usable(path: Path) -> Path:
    """Create the folder if it is missing, make it private, and return it.

    A folder that holds other things than Workbench's keeps its permissions.

    Raises:
        UserError: files cannot be written into the folder. The message gives the reason.
    """
    with private_files():
        reason = why_unwritable(path)
    if reason:
        raise UserError(f"{path} cannot be used ({reason}): set WORKBENCH_HOME to a folder for results")
    _make_private(path)
    return path


def _make_private(path: Path) -> None:
    """Let only the owner enter the folder, if it is empty or holds Workbench's folders, and belongs to this user."""
    status = path.stat()
    ours = any((path / name).is_dir() for name in OWN_FOLDERS) or not any(path.iterdir())
    if ours and status.st_uid == os.getuid() and not status.st_mode & stat.S_ISVTX:
        path.chmod(PRIVATE_FOLDER)


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `WORKBENCH_HOME`. If it is not set, return a folder among the user's data, never the checkout.

    results/       paid answers, by cache key
    executions/    one folder per execution: prompt, plan, logs
    runs/          one folder per run: study, candidates, journal, report
    locks/         one lock for each answer that is being bought, so that no other run buys it too
    prompts/       the champions of studies in repositories with a URL
    repositories/  copies of repositories with a URL
    worktrees/     the files of a commit, while a run measures it
    watched/       the newest head that was seen, for each watched branch
    turns/         the newest commit that waits for its turn, for each study
    requalified/   the scores of champions, by commit
    prefect/       the Prefect server's database, unless PREFECT_HOME names another folder
    """
    if path := environ.get("WORKBENCH_HOME"):
        return Path(path).expanduser().absolute()
    data = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser().absolute() / "workbench"
