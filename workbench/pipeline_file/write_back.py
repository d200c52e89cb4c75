"""Puts a prompt into a pipeline file, in the place of a static part's text, and touches no other byte.

The places come from PyYAML's marks. Whatever is written is read again: every event of the file has to be what it was,
but for the one value, which has to be the prompt exactly; anything else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from workbench.errors import NotApplied, PipelineUnreadable
from workbench.pipeline_file.document import BREAK, LIBYAML, document
from workbench.pipeline_file.spelling import double_quoted, literal, single_quoted
from workbench.pipeline_file.steps import steps

HEADER = re.compile(r"[|>][-+0-9]*")
#: Behind the tag "!" readers disagree whether null and 5 are texts.
TEXT = (None, "tag:yaml.org,2002:str")


def write_back(text: str, step: str, part: int, prompt: str) -> str:
    """The pipeline with this prompt as that static part of that step.

    Args:
        text: the file, decoded and otherwise as it is: a byte order mark and CRLF included.
        part: counts the step's static parts from 1.

    Raises:
        NotApplied: there is no such part, or nothing else than its text cannot be kept.
    """
    root = read(text)
    found = steps(root).get(step)
    if found is None or not 1 <= part <= len(found.statics):
        has = f"has {len(found.statics)} static parts" if found else f"is none of {', '.join(steps(root)) or 'it'}"
        raise NotApplied(f"there is no static part {part} in step {step} of the pipeline: the step {has}")
    return replaced(text, root, found.statics[part - 1], prompt)


def read(text: str) -> yaml.MappingNode:
    """Return the root of a pipeline file that is to be changed.

    Raises:
        NotApplied: the text is no pipeline file; says in which line that shows.
    """
    try:
        return document(text)
    except PipelineUnreadable as error:
        raise NotApplied(f"the pipeline file is not one YAML document that can be read ({error})") from error


def replaced(text: str, root: yaml.Node, node: yaml.ScalarNode, prompt: str) -> str:
    """The text with another value of one scalar; the same text where it has that value already."""
    if node.value == prompt and node.tag == TEXT[-1]:
        return text
    line = node.start_mark.line + 1
    tree = _Tree(root)
    around = tree.around(node)
    if around is None:
        raise NotApplied(f"the text in line {line} is used elsewhere too, by a YAML alias: write it out there first")
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise NotApplied(f"the prompt has a character that is none (at {error.start}): no file can hold it") from error
    place = _Place.of(text, node, around)
    for written in _spellings(place, prompt):
        if _only(text, written, tree.scalars.index(id(node)), prompt):
            return written
    raise NotApplied(f"the text in line {line} cannot be replaced without changing more than it; do it by hand")


class _Tree:
    """The document's nodes: what each is in, and all scalars in the file's order."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root
        self._parents: dict[int, list[tuple[yaml.Node, yaml.Node | None]]] = {}
        self.scalars: list[int] = []
        waiting, seen = [root], set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            inner = [*_inner(node)]
            if isinstance(node, yaml.ScalarNode):
                self.scalars.append(id(node))
            for key, one in inner:
                self._parents.setdefault(id(one), []).append((node, key))
            waiting += [one for _, one in reversed(inner)]

    def around(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node | None]] | None:
        """What it is in, nearest first, each with the key that leads on; None where an alias leads there as well."""
        found: list[tuple[yaml.Node, yaml.Node | None]] = []
        while node is not self._root:
            if len(leading := self._parents[id(node)]) != 1:
                return None
            found += leading
            node = leading[0][0]
        return found


def _inner(node: yaml.Node) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, one in node.value:
            yield None, key
            yield key, one
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            yield None, one


@dataclass(frozen=True)
class _Place:
    """A scalar in its text, as offsets: `start:head` is the scalar itself, or the header of a block scalar.

    `body:end` is a block scalar's content, with the break of its last line; for others, the empty place where such
    content would go. `column` is that of its key, None where no block scalar can stand.
    """

    text: str
    style: str | None
    start: int
    head: int
    body: int
    end: int
    column: int | None
    indent: int

    @classmethod
    def of(cls, text: str, node: yaml.ScalarNode, around: list[tuple[yaml.Node, yaml.Node | None]]) -> _Place:
        stop = node.end_mark.index
        # An anchor or a tag before it belongs to the node, and not to the token.
        tokens = (token for token in yaml.scan(text, Loader=yaml.SafeLoader) if isinstance(token, yaml.ScalarToken))
        start = next((token.start_mark.index for token in tokens if token.end_mark.index == stop), None)
        if start is None:
            line = node.start_mark.line + 1
            raise NotApplied(f'nothing stands in line {line}, where the prompt is to go: write "" there first')
        column = _column(around)
        if node.style in ("|", ">"):
            header = HEADER.match(text, start)
            head = header.end() if header else start
            body = _line_end(text, head)
            indent, end = _content(text[body:stop], text[start:head], column or 0)
            return cls(text, node.style, start, head, body, body + end, column, indent)
        body = _line_end(text, stop)
        if not re.fullmatch(r"[ \t]*(#.*)?", BREAK.sub("", text[stop:body])):
            column = None
        return cls(text, node.style, start, stop, body, body, column, 0)

    @property
    def ending(self) -> str:
        """The file's own line break."""
        found = BREAK.search(self.text, self.head) or BREAK.search(self.text)
        return found[0] if found and found[0] in ("\n", "\r\n") else "\n"

    @property
    def last(self) -> bool:
        """Whether it ends a file whose last line has no break."""
        return self.end == len(self.text) and not BREAK.search(self.text[-1:])

    def put(self, head: str, body: str) -> str:
        text = self.text
        between = text[self.head : self.body]
        if body and not BREAK.search(between):
            between += self.ending
        return text[: self.start] + head + between + body + text[self.end :]


def _spellings(place: _Place, prompt: str) -> Iterator[str]:
    """The file with the prompt in it: in the old style where that can be, else in the nearest."""
    block = place.style in ("|", ">")
    if place.column is not None and (block or "\n" in prompt):
        found = literal(prompt, place.column, place.indent, place.ending, last=place.last)
        if found is not None:
            yield place.put(*found)
    if place.style == "'" and (quoted := single_quoted(prompt)) is not None:
        yield place.put(quoted, "")
    yield place.put(double_quoted(prompt), "")


def _only(before: str, after: str, number: int, prompt: str) -> bool:
    """Whether nothing but the value of this scalar differs."""
    try:
        reader = _reader(before)
        old, new = (list(yaml.parse(text, Loader=reader)) for text in (before, after))
    except (yaml.YAMLError, ValueError):
        return False
    if len(old) != len(new):
        return False
    here = [event for event in old if isinstance(event, yaml.ScalarEvent)][number]
    return all(
        _is(other, one, prompt) if one is here else _told(one) == _told(other)
        for one, other in zip(old, new, strict=True)
    )


def _reader(text: str) -> Any:
    """Return libyaml: it is quick, and a second opinion on what PyYAML's own marks were used for.

    It does not take a block whose first line begins with a tab. Such a file is good for those who do.
    """
    try:
        for _ in yaml.parse(text, Loader=LIBYAML):
            pass
    except (yaml.YAMLError, ValueError):
        return yaml.SafeLoader
    return LIBYAML


def _is(event: yaml.Event, before: yaml.ScalarEvent, prompt: str) -> bool:
    """Whether it is a text, and this one."""
    return (
        isinstance(event, yaml.ScalarEvent)
        and (event.anchor, event.tag, event.value) == (before.anchor, before.tag, prompt)
        and event.tag in TEXT
        and (event.tag is not None or not event.implicit[0])
    )


def _told(event: yaml.Event) -> tuple[type, dict[str, Any]]:
    return type(event), {name: said for name, said in vars(event).items() if not name.endswith("_mark")}


def _column(around: list[tuple[yaml.Node, yaml.Node | None]]) -> int | None:
    key = around[0][1] if around else None
    if key is None or any(getattr(parent, "flow_style", True) for parent, _ in around):
        return None
    return int(key.start_mark.column)


def _line_end(text: str, start: int) -> int:
    """Behind the break that ends the line."""
    found = BREAK.search(text, start)
    return found.end() if found else len(text)


def _content(raw: str, header: str, column: int) -> tuple[int, int]:
    """Of a block scalar: its indentation, and the length of its content.

    Blank lines after it are not of it, unless the header says to keep them.
    """
    lines, at = [], 0
    for found in BREAK.finditer(raw):
        lines.append((raw[at : found.start()], found.end()))
        at = found.end()
    if raw[at:].strip(" "):
        lines.append((raw[at:], len(raw)))
    told = re.search(r"[0-9]", header)
    spaces = [len(line) - len(line.lstrip(" ")) for line, _ in lines if line.strip(" ")]
    indent = column + int(told[0]) if told else spaces[0] if spaces else 0
    ends = [end for line, end in lines if len(line) > indent or "+" in header]
    return indent, ends[-1] if ends else 0
