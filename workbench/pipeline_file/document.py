"""Reads a pipeline file into YAML nodes, as the runtime that executes the file reads it.

All other modules take a pipeline's steps, files and providers from these nodes. A node holds each scalar as the text in
the file. Values would not be enough: PyYAML cannot make a value of `version: =` or of `2026-06-31`, and the runtime
executes files with such scalars.

A file is read completely or refused. A file that PyYAML and the runtime may read differently is refused, too, so that
no step and no file of a pipeline is overlooked.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import PipelineUnreadable, Problem, StudyError
from workbench.pipeline_file.events import Events
from workbench.pipeline_file.parsers import PLACES, Parser

#: The line breaks of YAML 1.1, which PyYAML and libyaml use.
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: Characters that every version of YAML requires to be escaped: control characters, halves of surrogate pairs.
NO_TEXT = yaml.reader.Reader.NON_PRINTABLE


def read_file(file: Path, parser: Parser) -> yaml.MappingNode:
    """Read a pipeline file from the disk and return its root.

    Raises:
        StudyError: the file cannot be read, or may be read differently by the runtime. Names the file and the line.
    """
    try:
        text = file.read_bytes().decode()
    except (OSError, UnicodeDecodeError) as error:
        raise StudyError([Problem(file, None, f"the pipeline file cannot be read: {error}")]) from error
    try:
        return read(text, parser)
    except PipelineUnreadable as error:
        raise StudyError([error.problem(file)]) from error


def document(text: str) -> yaml.MappingNode:
    """Return the root of a text that will be changed. Its nodes hold their exact places in the text.

    Raises:
        PipelineUnreadable: the text is not one YAML mapping, or a key appears twice.
    """
    return read(text, PLACES)


def read(text: str, parser: Parser) -> yaml.MappingNode:
    """Return the root of a pipeline file's text.

    Every key below the root is a scalar, and no mapping has a key twice.

    Raises:
        PipelineUnreadable: the text cannot be read, or `parser` and PyYAML may read it differently.
    """
    _check_characters(text, parser)
    errors: list[PipelineUnreadable] = []
    for loader in parser.loaders:
        try:
            root = _composed(text, loader, parser)
        except PipelineUnreadable as error:
            errors.append(error)
        else:
            _check_keys(root)
            return root
    raise errors[0]


def value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Return the node under a key, or None if the node is no mapping or has no such key."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((inner for name, inner in pairs if name.value == key), None)


def items(node: yaml.Node | None) -> list[yaml.Node]:
    """Return the items of a list, or an empty list for any other node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def scalar_text(node: yaml.Node | None) -> str | None:
    """Return a scalar as it stands in the file, without quotes, or None for any other node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Return every mapping at any depth, including the root. Each appears once, in the file's order."""
    return (node for node in nodes(root) if isinstance(node, yaml.MappingNode))


def nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Yield every node that is no key. A node with several aliases is yielded once."""
    waiting, visited = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [inner for _, inner in reversed(node.value)]
        else:
            waiting += reversed(items(node))


def _check_characters(text: str, parser: Parser) -> None:
    """Refuse characters that YAML forbids, or that `parser` and PyYAML read differently."""
    if (unprintable := NO_TEXT.search(text)) is not None:
        code = f"#x{ord(unprintable[0]):04x}"
        raise PipelineUnreadable(
            f"unacceptable character {code}: take it out, or escape it in double quotes", _line(text, unprintable)
        )
    if (character := parser.doubtful.search(text)) is not None:
        name = unicodedata.name(character[0], "NEXT LINE")
        raise PipelineUnreadable(
            f"the character U+{ord(character[0]):04X} ({name}), which parsers of YAML read differently: take it out",
            _line(text, character),
        )


def _line(text: str, place: re.Match[str]) -> int:
    return len(BREAK.findall(text, 0, place.start())) + 1


def _composed(text: str, loader: Any, parser: Parser) -> yaml.MappingNode:
    """Return the root as one of PyYAML's parsers reads it. Check the events first: reading them needs no recursion."""
    try:
        checked = Events(parser)
        events = deque[yaml.Event]()
        for event in yaml.parse(text, Loader=loader):
            checked.take(event)
            events.append(event)
        root = _Composer(events).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise PipelineUnreadable(str(error.problem), line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise PipelineUnreadable(str(error).partition("\n")[0], None) from error
    if root is None:
        raise PipelineUnreadable("the file is empty; expected a mapping with workflow: at its root", None)
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "a text"
        raise PipelineUnreadable(f"the root is {kind}; expected a mapping with workflow: in it", _node_line(root))
    return root


class _Composer(yaml.composer.Composer, yaml.resolver.Resolver):
    """Composes nodes from events, so that a text is parsed only once."""

    def __init__(self, events: deque[yaml.Event]) -> None:
        yaml.composer.Composer.__init__(self)
        yaml.resolver.Resolver.__init__(self)
        self._events = events

    def check_event(self, *choices: type[yaml.Event]) -> bool:
        return bool(self._events) and (not choices or isinstance(self._events[0], choices))

    def peek_event(self) -> yaml.Event | None:
        return self._events[0] if self._events else None

    def get_event(self) -> yaml.Event | None:
        return self._events.popleft() if self._events else None


def _check_keys(root: yaml.Node) -> None:
    """Refuse a key that is no scalar, a merge key, and a key that a mapping has twice."""
    for mapping in mappings(root):
        lines: dict[str, int] = {}
        for key, _ in mapping.value:
            line = _node_line(key)
            if not isinstance(key, yaml.ScalarNode):
                raise PipelineUnreadable("a list or a mapping is a key; expected a word", line)
            if key.value == "<<":
                raise PipelineUnreadable("the merge key << is not supported: write out what it stands for", line)
            if key.value in lines:
                name = key.value[:80]
                raise PipelineUnreadable(f'the key "{name}" stands in line {lines[key.value]} too: take one out', line)
            lines[key.value] = line


def _node_line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
