"""Reads the study keys of `runtime: command`: the program, its arguments, and the files that it reads."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from workbench.execution.runtime import StudyFile
from workbench.fields import Form, KeyPath, Text, VariableName, dotted, nearest
from workbench.nouns import Engine, InputFile, Pipeline

#: The placeholders that a study's `command` may have, and the form of a placeholder.
PLACEHOLDERS = ("prompt_file", "output_file", "goal", "replicate")
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")


class CommandKeys(Form):
    """The study keys of a runtime that starts a program of the user's."""

    command: Annotated[list[Text], Field(min_length=1)] = Field(
        description="the program and its arguments; {prompt_file}, {output_file}, {goal} and {replicate} are filled in"
    )
    files: list[Text] = Field(
        default_factory=list,
        description="files that the program reads; if a file changes, its plans are bought again; an argument "
        "that equals a name in this list is replaced by the file's absolute path",
    )
    version: Text | None = Field(default=None, description="any text; if it changes, all plans are bought again")
    environment: list[VariableName] = Field(
        default_factory=list,
        description="environment variables that the program gets, such as the keys it needs; their values are removed "
        "from its plans and logs; if only a value changes, no plan is bought again",
    )
    rehearsal: Literal["allowed"] | None = Field(
        default=None,
        description="allowed: a rehearsal starts the real program, without the variables of `environment` and with the "
        "scripted server's address in the providers' variables",
    )


@dataclass(frozen=True)
class CommandSettings:
    """The command that starts the program, and what an execution's key holds of it.

    Attributes:
        program: an absolute path, or a name on the PATH.
        files: the name and the absolute path of each file that the study lists.
    """

    program: str
    arguments: tuple[str, ...]
    files: tuple[tuple[str, str], ...] = ()
    version: str = ""
    environment: tuple[str, ...] = ()
    may_rehearse: bool = False


def pipeline_of(name: str, keys: CommandKeys, study: StudyFile) -> Pipeline:
    """Return the pipeline that these keys describe, with the content hashes of all its files."""
    _check_placeholders(keys.command, study)
    _check_arguments(keys.command, keys.files, study)
    input_files = tuple(_named_files(keys.files, study))
    first = keys.command[0]
    file = _program_file(first, study.folder)
    if file is None:
        study.add_problem(
            ("command", 0),
            f'command[0]: "{first}" is not a program; expected a name on the PATH, or the path of an executable '
            f"file, relative to {study.folder}",
        )
    settings = CommandSettings(
        program=str(file) if file is not None and "/" in first else first,
        arguments=tuple(keys.command[1:]),
        files=tuple((item.name, str(item.path)) for item in input_files),
        version=keys.version or "",
        environment=tuple(keys.environment),
        may_rehearse=keys.rehearsal == "allowed",
    )
    program_files = () if file is None else _input_file(first, file, ("command", 0), study)
    return Pipeline(Engine(name, settings), files=(*program_files, *input_files))


def _check_placeholders(command: Sequence[str], study: StudyFile) -> None:
    """Report each placeholder that is not one of PLACEHOLDERS."""
    expected = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    for number, argument in enumerate(command):
        for name in PLACEHOLDER.findall(argument):
            if name not in PLACEHOLDERS:
                study.add_problem(
                    ("command", number),
                    f"command[{number}]: {{{name}}} is not known; expected {expected}{nearest(name, PLACEHOLDERS)}",
                )


def _check_arguments(command: Sequence[str], files: Sequence[str], study: StudyFile) -> None:
    """Report each argument that is a file beside the study and not in `files`: the program runs in another folder."""
    for number, argument in enumerate(command[1:], start=1):
        if argument not in files and not Path(argument).is_absolute() and _is_file(study.folder / argument):
            study.add_problem(
                ("command", number),
                f'command[{number}]: "{argument}" is a file beside the study, and the program runs in another folder; '
                "list it under files",
            )


def _named_files(names: Sequence[str], study: StudyFile) -> Iterator[InputFile]:
    """Yield each file of the study's `files` with its hash. Report a file that does not exist or cannot be read."""
    for number, name in enumerate(names):
        path = study.folder / name
        if _is_file(path):
            yield from _input_file(name, path, ("files", number), study)
        else:
            study.add_problem(("files", number), f'files[{number}]: "{name}": there is no such file')


def _input_file(name: str, path: Path, key: KeyPath, study: StudyFile) -> tuple[InputFile, ...]:
    """Return the file with the hash of its content. If it cannot be read, return no file and add a problem."""
    try:
        return (InputFile.read(name, path),)
    except OSError as error:
        study.add_problem(key, f'{dotted(key)}: "{name}" cannot be read ({error.strerror})')
        return ()


def _is_file(path: Path) -> bool:
    """Return True if a file stands at this path. Return False for a text that cannot be a path."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _program_file(name: str, folder: Path) -> Path | None:
    """Return the file of a program: a path is relative to the study, a bare name is looked for on the PATH.

    Do not follow a link: the Python of a virtual environment is a link and finds its packages beside the link.
    """
    path = shutil.which(folder / Path(name).expanduser() if "/" in name else name)
    return Path(path) if path else None
