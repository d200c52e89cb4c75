"""What a run really did: one line of JSON for every call that was made, in `journal.jsonl` of the run's folder.

Reports count from here and not from memory, so that a retried or killed run still tells what it cost.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypedDict

from workbench.errors import Interrupted, OutsideError
from workbench.system.files import append_line

Action = Literal["propose", "execute", "score"]


class Line(TypedDict):
    """`kind` is "ok", or the failure's kind; `seconds` is wall time; `at` is Unix time of the end."""

    action: Action
    key: str
    kind: str
    seconds: float
    at: float


@contextmanager
def attempt(run: Path | None, action: Action, key: str) -> Iterator[None]:
    """Write down one call, however it ends. Without a run folder nothing is written."""
    begun = time.monotonic()
    kind = "interrupted"
    try:
        yield
        kind = "ok"
    except OutsideError as error:
        kind = error.kind
        raise
    except Interrupted:
        raise
    except Exception as error:
        kind = type(error).__name__
        raise
    finally:
        if run is not None:
            line = Line(action=action, key=key, kind=kind, seconds=time.monotonic() - begun, at=time.time())
            append_line(run / "journal.jsonl", json.dumps(line))


def read(run: Path) -> list[Line]:
    """All lines in the order in which they were written; a last line cut off by a crash is left out."""
    try:
        text = (run / "journal.jsonl").read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
