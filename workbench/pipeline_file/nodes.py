"""Counts the nodes of a YAML text while they are read, and checks depth, keys, and size with aliases written out."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass, field

import yaml

#: The most levels, and the most nodes with aliases written out, that a plan may have.
MAX_DEPTH = 50
#: PyYAML reads about ten thousand nodes in a second.
MAX_NODES = 20_000

#: Line breaks that are still escaped, in a value without quotes.
ESCAPED_LINES = re.compile(r"\\n[ ]*(?:- |[\w\"'-]{1,80}:)")
#: A key as people write it for programs. The beginning of a sentence does not match.
NAME = re.compile(r"[a-z_][\w-]*")
#: The number of words from which on a text counts as a sentence.
SENTENCE_WORDS = 3


@dataclass
class _Open:
    """A collection that is being read. In a mapping, every second node is a key.

    Attributes:
        size, height: how many nodes and how many levels it has so far, with aliases written out.
        key_next: True if the next node is a key.
        sentence: True if its last text is a sentence.
        key_lines: the line of each key.
    """

    mapping: bool
    line: int
    anchor: str | None
    size: int = 1
    height: int = 1
    key_next: bool = True
    sentence: bool = False
    key_lines: dict[Hashable, int] = field(default_factory=dict)

    def take_key(self, event: yaml.NodeEvent) -> str | None:
        """Note the next node if it is a key. Return what is wrong with the key, or None."""
        if not self.mapping:
            return None
        is_key, self.key_next = self.key_next, not self.key_next
        if is_key and isinstance(event, yaml.ScalarEvent):
            line = line_of(event)
            if event.value in self.key_lines:
                first_line = self.key_lines[event.value]
                return f'the plan has the key "{event.value[:80]}" twice, in lines {first_line} and {line}'
            self.key_lines[event.value] = line
        elif is_key:
            self.key_lines[len(self.key_lines)] = line_of(event)
        return None


class Nodes:
    """Checks a document event by event, and reports the first defect or exceeded limit."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[int, int]] = {}
        self._size = 0

    @property
    def at_root(self) -> bool:
        """Return True if no collection is open: the next node is the root."""
        return not self._open

    def take(self, event: yaml.Event) -> str | None:
        """Take the next event. Return what is wrong with the plan up to here, or None."""
        if isinstance(event, yaml.NodeEvent) and self._open and (defect := self._open[-1].take_key(event)):
            return defect
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event)
        if isinstance(event, yaml.CollectionStartEvent):
            self._open.append(_Open(isinstance(event, yaml.MappingStartEvent), line_of(event), event.anchor))
            return _too_deep() if len(self._open) > MAX_DEPTH else None
        return self._end() if isinstance(event, yaml.CollectionEndEvent) else None

    def _scalar(self, event: yaml.ScalarEvent) -> str | None:
        """Take a scalar. Return what is wrong with it, or None."""
        if not event.style and ESCAPED_LINES.search(event.value):
            return f"the plan has literal \\n where lines should end, in line {line_of(event)}"
        if len(self._open) == 1 and self._open[0].key_next and not event.style:
            self._open[0].sentence = len(event.value.split()) >= SENTENCE_WORDS
        if event.anchor:
            self._anchors[event.anchor] = (1, 0)
        return self._grow(1, 0)

    def _alias(self, event: yaml.AliasEvent) -> str | None:
        """Take an alias, which counts as much as the node that it stands for. Return what is wrong, or None."""
        name = event.anchor or ""
        if name not in self._anchors:
            return (
                f"the plan uses the YAML alias *{name[:80]} in line {line_of(event)}, but no value before it has that "
                "anchor"
            )
        return self._grow(*self._anchors[name])

    def _end(self) -> str | None:
        """Take the end of a collection. Return what is wrong with the plan up to here, or None."""
        closed = self._open.pop()
        if closed.anchor:
            self._anchors[closed.anchor] = (closed.size, closed.height)
        if not self._open:
            return _root(closed)
        return self._grow(closed.size, closed.height, is_counted=True)

    def _grow(self, size: int, height: int, is_counted: bool = False) -> str | None:
        """Add a finished node to the collection around it. `is_counted` is True if the nodes in it were counted."""
        self._size += 1 if is_counted else size
        if self._open:
            self._open[-1].size += size
            self._open[-1].height = max(self._open[-1].height, height + 1)
        if self._size > MAX_NODES:
            return f"the plan has more than {MAX_NODES} values"
        return _too_deep() if len(self._open) + height > MAX_DEPTH else None


def _root(root: _Open) -> str | None:
    """Return why a document's mapping is no plan (it is empty, or consists of sentences with a colon), or None."""
    if not root.key_lines:
        return "the plan is an empty mapping"
    has_name = any(isinstance(key, str) and NAME.fullmatch(key) for key in root.key_lines)
    if root.height > 1 or (has_name and not (root.sentence and len(root.key_lines) == 1)):
        return None
    return "the plan has no structure, only sentences with a colon: is it prose?"


def _too_deep() -> str:
    return f"the plan is nested more than {MAX_DEPTH} levels deep"


def line_of(event: yaml.Event) -> int:
    """Return the line of an event, from 1. Only PyYAML's types allow an event without a place."""
    return event.start_mark.line + 1 if event.start_mark else 0
