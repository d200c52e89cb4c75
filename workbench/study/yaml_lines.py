"""YAML with the line of everything in it, so that no mistake is reported without its path."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import Problem, StudyError
from workbench.fields import KeyPath, dotted

MAX_BYTES = 1_000_000
MAX_DEPTH = 20


@dataclass
class YamlFile:
    """A document as plain values; `lines` has the line (from 1) of each value, `keys` of each key, by its path."""

    file: Path
    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    keys: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Where this is, or where it would have to be: the nearest thing around it that is there."""
        for length in range(len(path), -1, -1):
            if (line := self.keys.get(path[:length], self.lines.get(path[:length]))) is not None:
                return line
        return 1

    @property
    def folder(self) -> Path:
        """The folder that the paths in the file are relative to."""
        return self.file.absolute().parent

    def add_problem(self, path: KeyPath, message: str) -> None:
        """Add a problem, with the line of this key."""
        self.problems.append(Problem(self.file, self.line(path), message))

    def text(self, path: KeyPath, file: Path, limit: int) -> str | None:
        """Return the text of a file that this key names; None if it cannot be read, which is then a problem."""
        try:
            return read_text(file, limit)
        except StudyError as error:
            value: Any = self.value
            for part in path:
                value = value[part]
            name = value[0] if isinstance(value, list) else value
            self.add_problem(path, f'{dotted(path)}: "{name}": {error.problems[0].message}')
            return None


def read(file: Path) -> YamlFile:
    """Read a file that a person wrote. Safe values only, no aliases, keys are texts.

    Raises:
        StudyError: it cannot be read as YAML at all. Mistakes beyond that are in `problems`.
    """
    text = read_text(file, MAX_BYTES)
    document = YamlFile(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise StudyError([Problem(file, mark.line + 1 if mark else None, f"this is no YAML: {said}")]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StudyError([Problem(file, None, f"this is no YAML: {str(error).splitlines()[0]}")]) from error
    if node is None:
        raise StudyError([Problem(file, None, "there is nothing in it; workbench init writes a study to begin with")])
    document.value = _value(node, (), document, set())
    return document


def read_text(file: Path, most: int) -> str:
    """A text that somebody has to have written: UTF-8, not empty, at most `most` bytes.

    Raises:
        StudyError: with what is wrong with it.
    """
    try:
        data = file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise StudyError([Problem(file, None, f"cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        raise StudyError([Problem(file, None, "is no possible file name")]) from error
    if data is None:
        raise StudyError([Problem(file, None, "is a folder" if file.is_dir() else "there is no such file")])
    if len(data) > most:
        raise StudyError([Problem(file, None, f"has {len(data)} bytes; at most {most} are taken")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StudyError([Problem(file, data[: error.start].count(b"\n") + 1, "is not UTF-8")]) from error
    if not text.strip():
        raise StudyError([Problem(file, None, "is empty")])
    return text


def _value(node: yaml.Node, path: KeyPath, document: YamlFile, seen: set[int]) -> Any:
    document.lines[path] = node.start_mark.line + 1
    if id(node) in seen:
        document.add_problem(path, "YAML aliases are not taken here: write it out")
        return None
    seen.add(id(node))
    if len(path) > MAX_DEPTH:
        document.add_problem(path, f"nested more than {MAX_DEPTH} levels deep")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document, seen) for index, item in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, OverflowError):
        document.add_problem(path, f"{str(node.value)[:60]!r} cannot be read as a value")
        return None


def _mapping(node: yaml.MappingNode, path: KeyPath, document: YamlFile, seen: set[int]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.problems.append(Problem(document.file, line, "a key has to be a word"))
            continue
        key = str(key_node.value)
        if key in values:
            first = document.keys[(*path, key)]
            document.problems.append(
                Problem(document.file, line, f'"{key}" stands here again; it was in line {first} before')
            )
            continue
        document.keys[(*path, key)] = line
        values[key] = _value(value_node, (*path, key), document, seen)
    return values
