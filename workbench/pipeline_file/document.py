"""Reads a pipeline file into YAML nodes, as the runtime that executes it reads it.

Whoever asks something about a pipeline file asks these nodes: for its steps, its files, its providers. A node holds
every scalar as the text that stands in the file. A value would not do: PyYAML makes no value of `version: =` or of
`2026-06-31`, and the runtime executes such a file.

A file is read whole or refused. Refused is also what PyYAML and the runtime may read differently, so that no step and
no file of a pipeline is overlooked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import PipelineUnreadable, Problem, StudyError

#: The runtime's limit. A deep file would also exceed Python's own limit on recursion.
MAX_DEPTH = 64

#: YAML 1.1's line breaks, which PyYAML and libyaml go by.
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
#: A byte order mark that begins a line: libyaml skips it, PyYAML reads it as a part of the text behind it.
INNER_MARK = re.compile("(?<=[\ufeff\n\r\x85\u2028\u2029])\ufeff")
#: Line breaks of YAML 1.1 that are none in YAML 1.2, and every byte order mark but the first.
OLD_BREAKS = re.compile("[\x85\u2028\u2029]|(?<!^)\ufeff")
#: What no version of YAML takes unescaped: control characters, halves of surrogate pairs.
NO_TEXT = yaml.reader.Reader.NON_PRINTABLE

#: libyaml, where PyYAML was built with it.
LIBYAML: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Tags that change nothing of a text, a mapping or a list.
STANDARD_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


@dataclass(frozen=True)
class Parser:
    """How somebody reads YAML.

    Attributes:
        loaders: PyYAML's parsers that read as this one does; the first that takes a file is used.
        references: whether anchors and aliases are resolved; otherwise they are refused.
        tags: the tags that are taken; None stands for all.
        doubtful: characters that this parser reads otherwise than PyYAML does.
    """

    loaders: tuple[Any, ...]
    references: bool
    tags: frozenset[str] | None
    doubtful: re.Pattern[str] = INNER_MARK


#: Our runtime's. It is libyaml, and the runtime refuses anchors, aliases and tags.
FAST_YAML = Parser((LIBYAML,), references=False, tags=frozenset())
#: pipeline_ex's. It takes some files that only one of PyYAML's two parsers takes.
YAMERL = Parser((yaml.SafeLoader, LIBYAML), references=True, tags=STANDARD_TAGS, doubtful=OLD_BREAKS)
#: PyYAML's own, which alone says exactly where each scalar begins and ends.
PLACES = Parser((yaml.SafeLoader,), references=True, tags=None)


def read_file(file: Path, parser: Parser) -> yaml.MappingNode:
    """Read a pipeline file from the disk and return its root.

    Raises:
        StudyError: the file cannot be read for certain; names the file and the line.
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
    """Return the root of a text that is to be changed: its nodes know exactly where they stand.

    Raises:
        PipelineUnreadable: the text is no single YAML mapping, or has a key twice.
    """
    return read(text, PLACES)


def read(text: str, parser: Parser) -> yaml.MappingNode:
    """Return the root of a pipeline file's text.

    Every key below it is a scalar, and no mapping has a key twice.

    Raises:
        PipelineUnreadable: the text cannot be read, or the parser may read it otherwise than PyYAML does.
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
    """Return the items of a list, and none for any other node."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def scalar_text(node: yaml.Node | None) -> str | None:
    """Return a scalar as it stands in the file, without quotes; None for any other node."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def mappings(root: yaml.Node) -> Iterator[yaml.MappingNode]:
    """Return every mapping at any depth, the root included, each once and in the file's order."""
    return (node for node in _nodes(root) if isinstance(node, yaml.MappingNode))


def _nodes(root: yaml.Node) -> Iterator[yaml.Node]:
    """Every node that is no key. What an alias leads to is walked once."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            waiting += [inner for _, inner in reversed(node.value)]
        else:
            waiting += reversed(items(node))


def _check_characters(text: str, parser: Parser) -> None:
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
    """The root, as one of PyYAML's parsers reads it. Events go first: they are read without recursion."""
    try:
        events = _Events(parser)
        for event in yaml.parse(text, Loader=loader):
            events.take(event)
        root = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise PipelineUnreadable(str(error.problem), line) from error
    except (yaml.YAMLError, ValueError) as error:
        raise PipelineUnreadable(str(error).partition("\n")[0], None) from error
    if root is None:
        raise PipelineUnreadable("nothing is in it; expected a mapping with workflow: at its root", None)
    if not isinstance(root, yaml.MappingNode):
        kind = "a list" if isinstance(root, yaml.SequenceNode) else "a text"
        raise PipelineUnreadable(f"the root is {kind}; expected a mapping with workflow: in it", _node_line(root))
    return root


@dataclass
class _Events:
    """Refuses what nodes do not show any more: several documents, depth, and what a parser does not take.

    `open` has the anchor of each collection that is being read, and whether that collection stands in brackets.
    """

    parser: Parser
    documents: int = 0
    open: list[tuple[str | None, bool]] = field(default_factory=list)
    bracketed: dict[str | None, bool] = field(default_factory=dict)

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise _refused(event, "a second YAML document begins here; expected one: take the others out")
        elif isinstance(event, yaml.NodeEvent):
            self._node(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, flow = self.open.pop()
            self.bracketed[anchor] = flow

    def _node(self, event: yaml.NodeEvent) -> None:
        if len(self.open) > MAX_DEPTH:
            raise _refused(event, f"nested more than {MAX_DEPTH} levels deep")
        name = str(event.anchor)[:80]
        if isinstance(event, yaml.AliasEvent):
            self._alias(event, name)
            return
        if event.anchor is not None:
            if not self.parser.references:
                raise _refused(event, f"the anchor &{name} is not supported: write out what it stands for")
            if event.anchor in self.bracketed:
                raise _refused(event, f"the anchor &{name} stands in the file twice: give the second another name")
        tag = event.tag if isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent) else None
        if tag is not None and self.parser.tags is not None and tag not in self.parser.tags:
            name = tag.replace("tag:yaml.org,2002:", "!!")[:80]
            raise _refused(event, f"the tag {name} is not supported: leave it out")
        if isinstance(event, yaml.CollectionStartEvent):
            self.open.append((event.anchor, bool(event.flow_style)))
        else:
            self.bracketed[event.anchor] = False

    def _alias(self, event: yaml.AliasEvent, name: str) -> None:
        if not self.parser.references:
            raise _refused(event, f"the alias *{name} is not supported: write out what it stands for")
        if event.anchor not in self.bracketed:
            raise _refused(event, f"the alias *{name} stands for nothing that ends before it: write out what it means")
        if self.bracketed[event.anchor] and self.parser is YAMERL:
            # yamerl 0.10 puts the first word between the brackets in the alias's place.
            raise _refused(
                event, f"pipeline_ex misreads the alias *{name} of what stands in brackets: write out what it means"
            )


def _check_keys(root: yaml.Node) -> None:
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


def _refused(event: yaml.Event, message: str) -> PipelineUnreadable:
    return PipelineUnreadable(message, event.start_mark.line + 1 if event.start_mark else None)


def _node_line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
