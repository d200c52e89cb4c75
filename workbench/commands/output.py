"""Defines the output of commands: the two consoles, JSON files, and the options that name an output file."""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console

from workbench.errors import OutputFailed
from workbench.fields import short
from workbench.foreign_text import printable
from workbench.system.files import replace


class PipeConsole(Console):
    """A console whose output may go to a program that ends early, such as `head`."""

    def on_broken_pipe(self) -> None:
        """Discard the rest of the output, because nobody reads it. The command goes on, and keeps its exit code."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


# Paths and names of models may have square brackets, which are no markup.
out = PipeConsole(soft_wrap=True, emoji=False, markup=False)
err = PipeConsole(stderr=True, soft_wrap=True, emoji=False, markup=False)


def refuse_unwritable(_: object, file: Path | None) -> None:
    """Check an option that names an output file, before the command does anything that costs money. Create no file.

    Raises:
        ValueError: the file cannot be written.
    """
    if file is None or _descriptor(file) is not None:
        return
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG
    except NotADirectoryError:
        raise ValueError(f"{file.parent} is not a folder; expected an existing folder for {file.name}") from None
    except OSError as error:
        raise ValueError(f"{short(str(file))} is no possible file ({error.strerror}); expected another name") from None
    if stat.S_ISDIR(mode):
        raise ValueError(f"{file} is a folder; expected a file, or - for standard output")
    folder = Path(os.path.realpath(file)).parent
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder; expected an existing folder for {file.name}")
    if not stat.S_ISREG(mode) or _is_open_in_process(file):
        return
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"{folder} cannot be written to; expected a folder that you can write into")


JsonFile = Annotated[Path | None, Parameter(name="--json", validator=refuse_unwritable, allow_leading_hyphen=True)]
OutputFile = Annotated[Path | None, Parameter(validator=refuse_unwritable, allow_leading_hyphen=True)]
NewFile = Annotated[Path, Parameter(validator=refuse_unwritable, allow_leading_hyphen=True)]


def write_json(file: Path, value: Any) -> None:
    """Write `value` as indented JSON to an output file. A path that is not UTF-8 is written with JSON's own escapes.

    Raises:
        OutputFailed: the file cannot be written.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    write_output(file, text.encode("utf-8", errors="backslashreplace"))


def write_output(file: Path, content: bytes) -> None:
    """Write to a file that the user named.

    `-` is standard output. A symbolic link is followed. These files are opened and written to, and never replaced: a
    pipe, a terminal, any other file that is not regular, and a file that a process has open, such as /proc/1/fd/1. Any
    other file gets the content completely or not at all, and keeps its owner and its permissions.

    Raises:
        OutputFailed: the file cannot be written.
    """
    try:
        descriptor = _descriptor(file)
        if descriptor is not None:
            sys.stdout.flush()
            with os.fdopen(os.dup(descriptor), "wb") as stream:
                stream.write(content)
        elif (file.exists() and not file.is_file()) or _is_open_in_process(file):
            with file.open("wb") as stream:
                stream.write(content)
        else:
            replace(Path(os.path.realpath(file)), content)
    except BrokenPipeError:
        # The program that reads the pipe has ended, so nobody needs the rest.
        return
    except OSError as error:
        raise OutputFailed(f"{file} cannot be written ({error.strerror}): name another file", kind="output") from error


def _descriptor(file: Path) -> int | None:
    """Return the open descriptor that a name stands for: `-`, /dev/stdout, /dev/fd/63. None for other names."""
    if str(file) == "-":
        return 1
    if str(file) in ("/dev/stdout", "/dev/stderr"):
        return 1 if file.name == "stdout" else 2
    match = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", str(file))
    return int(match[1]) if match else None


def _is_open_in_process(file: Path) -> bool:
    """Return True for a file that a process has open. A process would not notice that its file was replaced."""
    return re.match(r"/proc/[^/]+/(?:task/\d+/)?fd/\d+$", str(file)) is not None


def is_standard_output(file: Path | None) -> bool:
    """Return True if the name of an output file stands for standard output."""
    return file is not None and _descriptor(file) == 1


def console_beside(json_file: Path | None) -> Console:
    """Return the console for a person: standard error if the JSON goes to standard output, else standard output."""
    return err if is_standard_output(json_file) else out


def print_columns(console: Console, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table whose first line is its header. Print nothing if there are no rows.

    Columns of numbers are aligned at the right.
    Long lines are not cut, so that every name stays whole. A value of None is shown as –.
    """
    if not rows:
        return
    cells = [list(columns), *(["–" if value is None else printable(str(value)) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numbers = [all(isinstance(value, int | float | None) for value in column) for column in zip(*rows, strict=True)]
    for number, row in enumerate(cells):
        aligned = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numbers, strict=True)
        )
        style = "bold" if number == 0 else None
        console.print("  ".join(aligned).rstrip(), style=style, markup=False, highlight=False)


def print_foreign(text: str, json_file: Path | None = None) -> None:
    """Print a text that a model or a user wrote to standard output, or to standard error if the JSON goes there.

    On standard error and on a terminal, control characters are replaced, because a terminal would obey them. A file or
    another program gets the text unchanged.
    """
    console = console_beside(json_file)
    if console is err or out.is_terminal:
        console.print(printable(text), markup=False, highlight=False)
    else:
        try:
            sys.stdout.buffer.write(f"{text}\n".encode("utf-8", errors="backslashreplace"))
            sys.stdout.flush()
        except BrokenPipeError:
            out.on_broken_pipe()
