"""Defines the output of commands: the two consoles, JSON files, and the options that name an output file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from workbench.evidence.report import printable
from workbench.system.files import why_unwritable, write_atomically

out = Console(soft_wrap=True, emoji=False)
err = Console(stderr=True, soft_wrap=True, emoji=False)


def refuse_unwritable(_: object, file: Path | None) -> None:
    """Check an option that names an output file, before the command does anything that costs money.

    Raises:
        ValueError: the file cannot be written.
    """
    if file is None:
        return
    if file.is_dir():
        raise ValueError(f"{file} is a folder; expected a file")
    folder = file.absolute().parent
    if reason := why_unwritable(folder):
        raise ValueError(f"{folder} cannot be used ({reason}); expected a folder that you can write into")


JsonFile = Annotated[Path | None, Parameter(name="--json", validator=refuse_unwritable)]
OutputFile = Annotated[Path | None, Parameter(validator=refuse_unwritable)]
NewFile = Annotated[Path, Parameter(validator=refuse_unwritable)]


def write_json(file: Path, value: Any) -> None:
    """Write `value` as indented JSON."""
    write_atomically(file.absolute(), (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def print_foreign(text: str) -> None:
    """Print to standard output a text that a model or a user wrote.

    If standard output is a terminal, control characters are replaced, because a terminal would obey them. A file or
    another program gets the text unchanged.
    """
    if out.is_terminal:
        out.print(printable(text), markup=False, highlight=False)
    else:
        sys.stdout.buffer.write(f"{text}\n".encode())
        sys.stdout.flush()
