"""Replaces the text of a static part in a pipeline file by a prompt, and changes no other byte.

PyYAML's marks give the places. The new text is read again: every event must be unchanged, except the replaced value,
which must be exactly the prompt. Any other result is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from workbench.errors import NotApplied, PipelineUnreadable
from workbench.pipeline_file.document import document
from workbench.pipeline_file.parsers import LIBYAML
from workbench.pipeline_file.scalar_place import ScalarPlace
from workbench.pipeline_file.spelling import double_quoted, literal, single_quoted
from workbench.pipeline_file.steps import steps

#: The tags of a text. The tag "!" is not accepted, because parsers disagree whether `! null` and `! 5` are texts.
TEXT = (None, "tag:yaml.org,2002:str")


def write_back(text: str, step: str, part: int, prompt: str) -> str:
    """Return the pipeline file with this prompt as the text of a static part of a step.

    Args:
        text: the content of the file, with its byte order mark and its CRLF line ends if it has them.
        part: the number of the static part in the step, from 1.

    Raises:
        NotApplied: there is no such part, or its text cannot be replaced without another change.
    """
    root = read(text)
    node = steps(root).get(step)
    if node is None or not 1 <= part <= len(node.statics):
        names = ", ".join(steps(root)) or "none"
        count = len(node.statics) if node else 0
        problem = f"the step has {count} static part{'' if count == 1 else 's'}" if node else f"its steps are {names}"
        raise NotApplied(f"there is no static part {part} in step {step} of the pipeline: {problem}")
    return replace_scalar(text, root, node.statics[part - 1], prompt)


def read(text: str) -> yaml.MappingNode:
    """Return the root of a pipeline file that will be changed.

    Raises:
        NotApplied: the text is no pipeline file. The message names the line.
    """
    try:
        return document(text)
    except PipelineUnreadable as error:
        raise NotApplied(f"the pipeline file is not one YAML document that can be read ({error})") from error


def replace_scalar(text: str, root: yaml.Node, node: yaml.ScalarNode, prompt: str) -> str:
    """Return the text with the value of one scalar replaced by the prompt.

    If the scalar has that value already, return the text unchanged.

    Raises:
        NotApplied: the value cannot be replaced without another change.
    """
    if node.value == prompt and node.tag == TEXT[-1]:
        return text
    line = node.start_mark.line + 1
    tree = _Tree(root)
    ancestors = tree.ancestors(node)
    if ancestors is None:
        raise NotApplied(
            f"the text in line {line} is used elsewhere, too, by a YAML alias: replace the alias by the text first"
        )
    try:
        prompt.encode()
    except UnicodeEncodeError as error:
        raise NotApplied(
            f"the prompt has half a surrogate pair (at {error.start}), which no file can hold: remove it"
        ) from error
    place = ScalarPlace.of(text, node, ancestors)
    for changed in _spellings(place, prompt):
        if _differs_only_in(text, changed, tree.scalars.index(id(node)), prompt):
            return changed
    raise NotApplied(f"the text in line {line} cannot be replaced without another change: do it by hand")


class _Tree:
    """The document's nodes: the parents of each node, and the ids of all scalars in the file's order."""

    def __init__(self, root: yaml.Node) -> None:
        self._root = root
        self._parents: dict[int, list[tuple[yaml.Node, yaml.Node | None]]] = {}
        self.scalars: list[int] = []
        waiting, visited = [root], set[int]()
        while waiting:
            node = waiting.pop()
            if id(node) in visited:
                continue
            visited.add(id(node))
            inner = [*_inner(node)]
            if isinstance(node, yaml.ScalarNode):
                self.scalars.append(id(node))
            for key, child in inner:
                self._parents.setdefault(id(child), []).append((node, key))
            waiting += [child for _, child in reversed(inner)]

    def ancestors(self, node: yaml.Node) -> list[tuple[yaml.Node, yaml.Node | None]] | None:
        """Return the node's ancestors, nearest first, each with the key that leads to the node. None after an alias."""
        ancestors: list[tuple[yaml.Node, yaml.Node | None]] = []
        while node is not self._root:
            if len(parents := self._parents[id(node)]) != 1:
                return None
            ancestors += parents
            node = parents[0][0]
        return ancestors


def _inner(node: yaml.Node) -> Iterator[tuple[yaml.Node | None, yaml.Node]]:
    """Yield the nodes directly within a node, the values of a mapping with their keys."""
    if isinstance(node, yaml.MappingNode):
        for key, content in node.value:
            yield None, key
            yield key, content
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield None, item


def _spellings(place: ScalarPlace, prompt: str) -> Iterator[str]:
    """Yield the file with the prompt in different styles: first the scalar's old style, if it can hold the prompt."""
    block = place.style in ("|", ">")
    if place.column is not None and (block or "\n" in prompt):
        block_scalar = literal(prompt, place.column, place.indent, place.ending, last=place.ends_file)
        if block_scalar is not None:
            yield place.put(*block_scalar)
    if place.style == "'" and (quoted := single_quoted(prompt)) is not None:
        yield place.put(quoted, "")
    yield place.put(double_quoted(prompt), "")


def _differs_only_in(before: str, after: str, number: int, prompt: str) -> bool:
    """Return True if two texts differ only in the value of one scalar, which is now the prompt.

    Args:
        number: the scalar's position among all scalars, from 0.
    """
    try:
        reader = _reader(before)
        old, new = (list(yaml.parse(text, Loader=reader)) for text in (before, after))
    except (yaml.YAMLError, ValueError):
        return False
    if len(old) != len(new):
        return False
    replaced_event = [event for event in old if isinstance(event, yaml.ScalarEvent)][number]
    return all(
        _is_prompt(after_event, event, prompt) if event is replaced_event else _content(event) == _content(after_event)
        for event, after_event in zip(old, new, strict=True)
    )


def _reader(text: str) -> Any:
    """Return libyaml if it accepts the text, else PyYAML's own parser.

    libyaml is quick, and independent of the marks with which the change was made. It refuses a block whose first line
    begins with a tab. PyYAML's own parser accepts such a block.
    """
    try:
        for _ in yaml.parse(text, Loader=LIBYAML):
            pass
    except (yaml.YAMLError, ValueError):
        return yaml.SafeLoader
    return LIBYAML


def _is_prompt(event: yaml.Event, before: yaml.ScalarEvent, prompt: str) -> bool:
    """Return True if an event is a text with the prompt as its value, and otherwise equals the event before."""
    return (
        isinstance(event, yaml.ScalarEvent)
        and (event.anchor, event.tag, event.value) == (before.anchor, before.tag, prompt)
        and event.tag in TEXT
        and (event.tag is not None or not event.implicit[0])
    )


def _content(event: yaml.Event) -> tuple[type, dict[str, Any]]:
    """Return everything in an event except its places."""
    return type(event), {name: field for name, field in vars(event).items() if not name.endswith("_mark")}
