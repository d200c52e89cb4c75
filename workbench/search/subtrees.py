"""Finds the large YAML subtrees in a text, so that two texts can be compared by them."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from workbench.pipeline_file.parsers import LIBYAML

#: The fewest words of a gold plan in a row that are a copy. A copied YAML subtree has at least as many words.
WORDS_IN_A_ROW = 8
#: The fewest values of a copied YAML subtree.
SUBTREE_VALUES = 3
#: The deepest YAML that is compared.
DEEPEST = 40

#: A word.
WORD = re.compile(r"\w+")
_FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)
#: Lines in a row that look like YAML: keys, items, and what is indented below them.
_YAML_LINES = re.compile(
    r"""(?:^[ \t]*(?:-[ ]|["']?[\w.-][\w .-]{0,60}["']?:(?:[ ]|$)|[ \t]+\S)[^\n]*(?:\n|\Z))+""", re.MULTILINE
)
#: An object on one line.
_JSON = re.compile(r"^[ \t]*(\{.*\})[ \t]*$", re.MULTILINE)

#: Pairs of a path and a value below a mapping or a list.
Subtree = frozenset[tuple[str, str]]


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters."""
    return [word.lower() for word in WORD.findall(text)]


def subtrees_of(text: str) -> set[Subtree]:
    """Return the large YAML subtrees in a text. The order of keys and the style of values make no difference."""
    subtrees: set[Subtree] = set()
    for fragment in (text, *_FENCED.findall(text), *_YAML_LINES.findall(text), *_JSON.findall(text)):
        with suppress(yaml.YAMLError, ValueError):
            subtrees |= _fragment_subtrees(fragment)
    return subtrees


@dataclass
class _Collection:
    """A mapping or a list while its events arrive.

    Attributes:
        mapping: True for a mapping, False for a list.
        values: pairs of a path and a value below it.
        key: the key of a mapping whose value comes next, or None.
    """

    mapping: bool
    values: list[tuple[str, str]] = field(default_factory=list)
    key: str | None = None

    def add(self, values: list[tuple[str, str]], scalar: str | None) -> None:
        """Add a child. If a mapping expects a key, the child is the key, and `scalar` is its text.

        Otherwise, `values` has the values of the child.
        """
        if self.mapping and self.key is None:
            self.key = scalar or ""
            return
        name = self.key if self.mapping else "-"
        self.key = None
        self.values += [(f"{name}/{path}", value) for path, value in values]


def _fragment_subtrees(text: str) -> set[Subtree]:
    """Return the large subtrees of the first YAML document in a text.

    libyaml is fast, but refuses a few texts that PyYAML's own parser accepts. So both are tried.

    Raises:
        yaml.YAMLError, ValueError: the text is no YAML.
    """
    try:
        return _parsed_subtrees(text, LIBYAML)
    except (yaml.YAMLError, ValueError):
        return _parsed_subtrees(text, yaml.SafeLoader)


def _parsed_subtrees(text: str, loader: Any) -> set[Subtree]:
    """Return the large subtrees of a text, read with one of PyYAML's parsers.

    The parser's events name an alias without repeating its content, and the loop ends at `DEEPEST`. So neither aliases
    nor deep nesting take much time.

    Raises:
        yaml.YAMLError, ValueError: the text is no YAML.
    """
    subtrees: set[Subtree] = set()
    open_collections: list[_Collection] = []
    for event in yaml.parse(text, Loader=loader):
        values: list[tuple[str, str]] = []
        scalar: str | None = None
        if isinstance(event, yaml.CollectionStartEvent):
            open_collections.append(_Collection(isinstance(event, yaml.MappingStartEvent)))
            if len(open_collections) > DEEPEST:
                break
            continue
        if isinstance(event, yaml.CollectionEndEvent):
            values = open_collections.pop().values
            if _is_large(subtree := frozenset(values)):
                subtrees.add(subtree)
        elif isinstance(event, yaml.ScalarEvent):
            scalar = " ".join(words_of(event.value))
            values = [("", scalar)]
        elif not isinstance(event, yaml.AliasEvent):
            continue
        if not open_collections:
            break
        open_collections[-1].add(values, scalar)
    return subtrees


def _is_large(subtree: Subtree) -> bool:
    """Return True if a subtree is large enough to be a copy."""
    words = sum(len(words_of(part)) for pair in subtree for part in pair)
    return len(subtree) >= SUBTREE_VALUES and words >= WORDS_IN_A_ROW
