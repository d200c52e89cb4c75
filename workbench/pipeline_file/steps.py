"""Finds the steps of a pipeline file, and the parts of their prompts that a candidate can replace.

A *step* is a mapping within `workflow:` that has a name: an item of `steps:`, or a mapping with a prompt at any depth,
for example in a loop or a parallel group. A *part* is an item of a step's prompt. A *static* part holds a text of its
own.

A step holds nodes, not values, so that a file that is written back keeps every scalar as the user wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

from workbench.pipeline_file.document import document, items, mappings, scalar_text, value

__all__ = ["Step", "document", "put", "scalar", "steps", "value", "workflow"]


@dataclass(frozen=True)
class Step:
    """One step of a pipeline file.

    Attributes:
        statics: the texts of its prompt's static parts, in order.
        top: True if the step is an item of the workflow's own `steps:` and stands in no other step.
    """

    name: str
    node: yaml.MappingNode
    statics: tuple[yaml.ScalarNode, ...]
    top: bool


def workflow(root: yaml.Node | None) -> yaml.MappingNode | None:
    """Return the mapping under `workflow:`, or None. Without that mapping, no runtime executes anything."""
    workflow_node = value(root, "workflow")
    return workflow_node if isinstance(workflow_node, yaml.MappingNode) else None


def steps(root: yaml.Node | None) -> dict[str, Step]:
    """Return every step by its name, in the file's order, including steps within loops and parallel groups.

    If two steps have the same name, the last one counts, as in pipeline_ex. Our own runtime refuses such a file.
    """
    workflow_node = workflow(root)
    if workflow_node is None:
        return {}
    top_level = {id(node) for node in items(value(workflow_node, "steps"))}
    return {
        step.name: step for node in mappings(workflow_node) if (step := _step(node, id(node) in top_level)) is not None
    }


def put(node: yaml.MappingNode, key: str, content: yaml.Node) -> None:
    """Set a key of a mapping. The key moves to the end of the mapping."""
    others = [(name, inner) for name, inner in node.value if name.value != key]
    node.value = [*others, (scalar(key), content)]


def scalar(text: str, tag: str = "str") -> yaml.ScalarNode:
    """Return a new scalar. A text gets double quotes."""
    style = '"' if tag == "str" else None
    return yaml.ScalarNode(f"tag:yaml.org,2002:{tag}", text, style=style)


def _step(node: yaml.MappingNode, top: bool) -> Step | None:
    """Return the step that a mapping is, or None if the mapping is no step."""
    name = value(node, "name") or value(node, "id")
    if not isinstance(name, yaml.ScalarNode) or (not top and value(node, "prompt") is None):
        return None
    parts = [part for part in items(value(node, "prompt")) if scalar_text(value(part, "type")) == "static"]
    contents = [content for part in parts if isinstance(content := value(part, "content"), yaml.ScalarNode)]
    return Step(name.value, node, tuple(contents), top)
