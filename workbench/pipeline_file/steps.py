"""The steps of a pipeline file, with the parts of their prompts: which of them a candidate can take the place of.

Nodes, not values: what is written back keeps every scalar as it was written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import yaml

MAX_DEPTH = 30


@dataclass(frozen=True)
class Step:
    """`statics` are the texts of its prompt's static parts, in order; `top` says that it is no part of another step."""

    name: str
    node: yaml.MappingNode
    statics: tuple[yaml.ScalarNode, ...]
    top: bool


def document(text: str) -> yaml.Node | None:
    """The file's root, or None for a text that is no single YAML document."""
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def workflow(root: yaml.Node | None) -> yaml.MappingNode | None:
    """What stands under `workflow:`, without which nothing is run."""
    found = value(root, "workflow")
    return found if isinstance(found, yaml.MappingNode) else None


def steps(root: yaml.Node | None) -> dict[str, Step]:
    """Every step by its name, in the file's order, those within loops and parallel tasks included.

    Of two of one name the last counts, as it does for pipeline_ex.
    """
    inside = workflow(root)
    if inside is None:
        return {}
    own = [id(node) for node in _items(value(inside, "steps"))]
    return {step.name: step for node in _mappings(inside, 0) if (step := _step(node, id(node) in own)) is not None}


def value(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """What stands under a key."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((one for name, one in pairs if name.value == key), None)


def put(node: yaml.MappingNode, key: str, content: yaml.Node) -> None:
    """Set a key, in its place if it is there."""
    kept = [(name, one) for name, one in node.value if name.value != key]
    node.value = [*kept, (scalar(key), content)]


def scalar(text: str, tag: str = "str") -> yaml.ScalarNode:
    style = '"' if tag == "str" else None
    return yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", text, style=style)


def _step(node: yaml.MappingNode, top: bool) -> Step | None:
    name = value(node, "name") or value(node, "id")
    if not isinstance(name, yaml.ScalarNode) or (not top and value(node, "prompt") is None):
        return None
    parts = [part for part in _items(value(node, "prompt")) if _scalar(value(part, "type")) == "static"]
    contents = [content for part in parts if isinstance(content := value(part, "content"), yaml.ScalarNode)]
    return Step(name.value, node, tuple(contents), top)


def _scalar(node: yaml.Node | None) -> str | None:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _items(node: yaml.Node | None) -> list[yaml.Node]:
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _mappings(node: yaml.Node, depth: int) -> Iterator[yaml.MappingNode]:
    if depth > MAX_DEPTH:
        return
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, inner in node.value:
            yield from _mappings(inner, depth + 1)
    elif isinstance(node, yaml.SequenceNode):
        for inner in node.value:
            yield from _mappings(inner, depth + 1)
