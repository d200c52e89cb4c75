"""Imports large packages faster, and says how to install packages that are missing."""

from __future__ import annotations

import gc
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage until the block ends, and exclude the objects that exist then from all later collections.

    Prefect and DSPy make about a million objects that live as long as the process. Without this, Python would look at
    all of these objects several times during the imports, which takes a tenth of the imports' time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def installation(extra: str) -> str:
    """Return the command that installs the packages of an extra.

    It names this Python. Another one would get a package of the same name that somebody else has published.
    """
    return f"{shlex.quote(sys.executable)} -m pip install 'workbench[{extra}]'"
