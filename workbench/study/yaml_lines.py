"""Reads YAML together with the line of every key and value, so that each mistake can be reported with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import Problem, StudyError
from workbench.execution.yaml_advice import advice
from workbench.fields import KeyPath, dotted, is_text, nearest
from workbench.pipeline_file.parsers import LIBYAML

#: The largest accepted file, in bytes.
MAX_BYTES = 1_000_000
#: The deepest accepted value, in levels of mappings and lists.
MAX_DEPTH = 20
#: A deeper document is not read at all, because the time of PyYAML's own parser grows with the square of the depth.
MAX_READABLE_DEPTH = 100
#: The largest accepted whole number, in bits.
MAX_BITS = 10_000
#: The tags of numbers.
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
#: Numbers that the versions of YAML read differently, or that a person may not mean: 010, 0b11, 0x10, 1_000, 1:30.
_UNCLEAR_NUMBER = re.compile(r"[-+]?(0[0-9_]+|0[bx].*|.*[_:].*)")
#: What the parser reads when it notices in a later line that a colon or a quote is missing.
_NOTICED_LATER = ("while scanning a simple key", "while scanning a quoted scalar")
_ZEROS = re.compile(r"[-+]?0[0-7]+")


@dataclass
class YamlFile:
    """A YAML document.

    Attributes:
        value: the content as plain Python values.
        lines: key path → the line of the value, from 1.
        keys: key path → the line of the key, from 1.
        problems: the mistakes found so far.
    """

    file: Path
    value: Any = None
    lines: dict[KeyPath, int] = field(default_factory=dict)
    keys: dict[KeyPath, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def line(self, path: KeyPath) -> int:
        """Return the line of a key path. If the file does not have the path, return the line of its longest part."""
        for length in range(len(path), -1, -1):
            if (line := self.keys.get(path[:length], self.lines.get(path[:length]))) is not None:
                return line
        return 1

    @property
    def folder(self) -> Path:
        """Return the folder that the paths in the file are relative to."""
        return self.file.absolute().parent

    def add_problem(self, path: KeyPath, message: str) -> None:
        """Add a problem at the line of this key path."""
        self.problems.append(Problem(self.file, self.line(path), message))

    def text(self, path: KeyPath, file: Path, limit: int) -> str | None:
        """Return the text of `file`, which the key at `path` names. If that fails, add a problem and return None.

        Args:
            limit: the largest accepted size, in bytes.
        """
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
    """Read a file that a person wrote, and return its values with their lines.

    Values are plain, keys are texts, and YAML aliases are refused. The result lists mistakes in `problems`.

    Raises:
        StudyError: the file cannot be read as YAML at all.
    """
    return parse(read_text(file, MAX_BYTES), file)


def parse(text: str, file: Path) -> YamlFile:
    """Return the values of a text as `read` does. `file` names the file in mistakes.

    Raises:
        StudyError: the text cannot be read as YAML at all.
    """
    if not is_text(str(file.absolute())):
        # The path is written into JSON files, databases and logs.
        raise StudyError([Problem(file, None, "its path is not UTF-8; rename the file or its folder")])
    if (line := _line_too_deep(text)) is not None:
        message = f"nested more than {MAX_READABLE_DEPTH} levels deep; expected at most {MAX_DEPTH} levels"
        raise StudyError([Problem(file, line, message)])
    document = YamlFile(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise StudyError([_not_yaml(text, file, error)]) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise StudyError([Problem(file, None, f"this is not valid YAML: {str(error).splitlines()[0]}")]) from error
    if node is None:
        raise StudyError([Problem(file, None, "it contains no keys; workbench init writes a study to begin with")])
    document.value = _value(node, (), document, set())
    return document


def _not_yaml(text: str, file: Path, error: yaml.MarkedYAMLError) -> Problem:
    """Return the problem of a text that the parser refuses, with what to write instead."""
    mark, remedy = error.problem_mark, advice(text, error)
    reason = ", ".join(part for part in (error.context, error.problem) if part)
    if (error.context or "").startswith(_NOTICED_LATER):
        mark = error.context_mark
    if error.context == "while scanning a simple key":
        remedy = "expected a key with a colon and a space, such as budget: 12, or a text that belongs to the line above"
    reason = f"{reason}; {remedy}" if remedy else reason
    return Problem(file, mark.line + 1 if mark else None, f"this is not valid YAML: {reason}")


def _line_too_deep(text: str) -> int | None:
    """Return the line of the first value below MAX_READABLE_DEPTH levels, or None. libyaml finds it quickly."""
    depth = 0
    try:
        for event in yaml.parse(text, Loader=LIBYAML):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_READABLE_DEPTH:
                return int(event.start_mark.line) + 1 if event.start_mark else 1
    except (yaml.YAMLError, ValueError):
        # The caller parses the text again with PyYAML's own parser. It accepts more, and its messages are better.
        return None
    return None


def read_text(file: Path, limit: int) -> str:
    """Return the text of a file, which must be UTF-8, not empty, and at most `limit` bytes long.

    Raises:
        StudyError: the file cannot be read or does not fulfil these conditions.
    """
    try:
        data = file.read_bytes() if file.is_file() else None
    except OSError as error:
        raise StudyError([Problem(file, None, f"cannot be read: {error.strerror}")]) from error
    except ValueError as error:
        raise StudyError([Problem(file, None, "this is not a possible file name")]) from error
    if data is None:
        raise StudyError([Problem(file, None, _no_file(file))])
    if len(data) > limit:
        raise StudyError([Problem(file, None, f"has {len(data)} bytes; expected at most {limit}")])
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise StudyError(
            [Problem(file, data[: error.start].count(b"\n") + 1, "is not UTF-8; save the file as UTF-8")]
        ) from error
    if not text.strip():
        raise StudyError([Problem(file, None, "is empty; expected a text")])
    return text


def _no_file(file: Path) -> str:
    """Return the message about a path without a file that can be read, with the most similar name in its folder."""
    if file.exists():
        return f"is a {'folder' if file.is_dir() else 'pipe or a device'}; expected a file"
    folder = file.absolute().parent
    if not folder.is_dir():
        return f"there is no such file, and no folder {folder}"
    try:
        names = [entry.name for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        names = []
    return f"there is no such file{nearest(file.name, names)}"


def _value(node: yaml.Node, path: KeyPath, document: YamlFile, seen: set[int]) -> Any:
    """Return a node as a plain value, and note its line. If the value cannot be used, add a problem and return None.

    Args:
        seen: the ids of all nodes so far. An alias is a node that was seen before.
    """
    document.lines[path] = node.start_mark.line + 1
    if id(node) in seen:
        document.add_problem(path, "YAML aliases are not supported; write the value out")
        return None
    seen.add(id(node))
    if len(path) > MAX_DEPTH:
        document.add_problem(path, f"the value is nested too deeply; expected at most {MAX_DEPTH} levels")
        return None
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document, seen) for index, item in enumerate(node.value)]
    try:
        value = yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, OverflowError, AttributeError, LookupError, TypeError):
        # PyYAML raises various errors for a text that does not fit its tag, such as `!!timestamp today`.
        document.add_problem(path, f"{str(node.value)[:60]!r} is not a valid YAML value")
        return None
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        # Python refuses to write a number of thousands of digits.
        document.add_problem(path, f"{str(node.value)[:60]!r} is too large a number")
        return None
    if node.tag in _NUMBERS and _UNCLEAR_NUMBER.fullmatch(node.value):
        document.add_problem(path, f"{dotted(path)}: {_unclear_number(str(node.value), value)}")
    return value


def _unclear_number(text: str, value: float) -> str:
    """Return what to write instead of a number that the versions of YAML read differently."""
    number = str(value) if isinstance(value, int) else f"{value:.15g}"
    choices = [str(int(text)), number] if _ZEROS.fullmatch(text) and str(int(text)) != number else [number]
    return f"some programs read {text[:60]} as {number[:60]}; write {' or '.join(choices)[:120]}"


def _mapping(node: yaml.MappingNode, path: KeyPath, document: YamlFile, seen: set[int]) -> dict[str, Any]:
    """Return a mapping as a dict, and note the lines of its keys. Leave out a key that is used twice or is no text."""
    values: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            document.problems.append(
                Problem(document.file, line, "this key is a list or a mapping; expected a single word or text")
            )
            continue
        key = str(key_node.value)
        if key in values:
            first = document.keys[(*path, key)]
            document.problems.append(
                Problem(document.file, line, f'the key "{key}" appears again; it is already in line {first}')
            )
            continue
        document.keys[(*path, key)] = line
        values[key] = _value(value_node, (*path, key), document, seen)
    return values
