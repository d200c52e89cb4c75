"""Copy a run into the ledger while the run goes on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from workbench.run.folder import RunFolder
from workbench.system.home import home


@contextmanager
def in_ledger(run: RunFolder) -> Iterator[None]:
    """Copy every trial and every call of a run into the ledger until the block ends. Only warn if the ledger fails."""
    # Imported here, because a process that only watches a repository needs no database.
    from workbench.ledger.follow import followed

    log = get_run_logger()

    def warn(line: str) -> None:
        """Tell a person on standard error, and in the Prefect UI."""
        print(line, file=sys.stderr)
        log.warning(line)

    with followed(run, home(), dict(os.environ), warn):
        yield
