"""Imports large packages faster."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage until the block ends, and leave what it has imported out of every later collection.

    Prefect and DSPy make about a million objects that live as long as the process. Python would look at all of them
    several times meanwhile, which is a tenth of the time of their imports.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
