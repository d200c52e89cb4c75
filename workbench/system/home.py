"""Finds the folder in which Workbench keeps all results.

Only the command line and the flows read the folder from the environment. All other code gets it as an argument.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from workbench.errors import UserError
from workbench.system.files import PRIVATE_FOLDER, private_files, why_unwritable

#: Names of subfolders that show that a folder is a home of Workbench.
OWN_FOLDERS = ("results", "executions", "runs", "prefect")


def ensure_usable(path: Path) -> Path:
    """Create the folder if it is missing, make it private, and return it.

    A folder with other content than Workbench's keeps its permissions.

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
    is_home = any((path / name).is_dir() for name in OWN_FOLDERS) or not any(path.iterdir())
    if is_home and status.st_uid == os.getuid() and not status.st_mode & stat.S_ISVTX:
        path.chmod(PRIVATE_FOLDER)


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """Return `WORKBENCH_HOME`. If it is not set, return a folder among the user's data, never the checkout.

    Raises:
        UserError: nothing says where the user's data are, or the path is not UTF-8.

    results/       paid answers, by cache key, unless WORKBENCH_RESULTS names a bucket
    executions/    one folder per execution: prompt, plan, logs
    runs/          one folder per run: study, candidates, journal, report
    locks/         one lock for each answer that is being bought, so that no other run buys it too
    flow-runs/     one file for each process that works on a flow run of Prefect, locked by it
    prompts/       the champions of studies in repositories with a URL, and in bare repositories
    applied/       how to take back an applied champion whose run is on another machine
    repositories/  copies of repositories with a URL
    worktrees/     the files of a commit, while a run measures it
    watched/       the newest head that was seen, for each watched branch
    deliveries/    the ids of the webhook's deliveries that were taken
    turns/         the commits of the runs that wait for their turn or have it, for each study
    requalified/   the scores of champions, by commit
    calibrated/    the calibrations of judges
    drawn/         the calls that drew rubrics
    ledger.db      the ledger, unless WORKBENCH_LEDGER_URL names another database
    prefect/       the Prefect server's database, unless PREFECT_HOME names another folder
    """
    path = environ.get("WORKBENCH_HOME")
    try:
        data = Path(path or environ.get("XDG_DATA_HOME") or "~/.local/share").expanduser().absolute()
    except (RuntimeError, FileNotFoundError) as error:
        # The user is in no list of users, or the working folder is gone.
        raise UserError(
            f"the folder for results is not known ({error}): set WORKBENCH_HOME to an absolute path"
        ) from error
    if str(data).encode("utf-8", errors="replace").decode() != str(data):
        # The path is written into JSON files, databases and logs.
        raise UserError(f"WORKBENCH_HOME={data} is not UTF-8: set WORKBENCH_HOME to another folder")
    return data if path else data / "workbench"
