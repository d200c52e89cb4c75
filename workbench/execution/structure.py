"""Finds plans that are YAML but certainly broken: without steps, with an empty prompt, or with a lost reference.

A plan may have any form. So this module only looks at the steps of a pipeline: the list `steps` or `stages` at the root
or under `workflow`. Such a plan is not worth a judge's call.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import yaml

from workbench.pipeline_file.parsers import LIBYAML

#: The keys of a plan's list of steps.
LISTS = ("steps", "stages")
#: The most characters of a name in a message.
NAME_CHARACTERS = 80
#: The most findings that are named. An optimizer learns no more from a longer list.
FINDINGS = 5


def defect(text: str) -> str | None:
    """Return why a plan is certainly broken, in words that an optimizer can learn from; None if it is not.

    At most `FINDINGS` findings are named.

    Args:
        text: one YAML document with a mapping, whose depth and size with all aliases were checked.
    """
    try:
        root = next(yaml.compose_all(text, Loader=LIBYAML))
    except yaml.YAMLError:
        # The parser accepts two anchors with one name, and the composer does not.
        return None
    if not isinstance(root, yaml.MappingNode):
        return None
    workflow = _value(root, "workflow")
    if workflow is not None and _is_empty(workflow):
        return "the plan's workflow is empty: give it a list of steps"
    place = workflow if isinstance(workflow, yaml.MappingNode) else root
    for name in LISTS:
        steps = _value(place, name)
        if steps is None:
            continue
        if _is_empty(steps):
            return f"the plan's list of {name} is empty: write the {name}"
        if place is workflow and isinstance(steps, yaml.ScalarNode):
            return f"the workflow's {name} are a text or a number: write a list of {name}"
        if isinstance(steps, yaml.SequenceNode) and (findings := list(islice(_findings(steps), FINDINGS))):
            return "; ".join(findings)
    return None


def _findings(steps: yaml.SequenceNode) -> Iterator[str]:
    """Yield what is wrong with each broken step of a list."""
    earlier: set[str] = set()
    for number, step in enumerate(steps.value, start=1):
        if not isinstance(step, yaml.MappingNode):
            continue
        name = _text(_value(step, "name"))
        title = f'step "{name[:NAME_CHARACTERS]}"' if name else f"step {number}"
        prompt = _value(step, "prompt")
        if prompt is not None and _is_blank(prompt):
            yield f"the prompt of {title} is empty: write what the step asks for"
        inner_names = set(_names(step)) - {name}
        if prompt is not None:
            for reference in _references(prompt):
                if reference not in earlier | inner_names:
                    yield (
                        f'{title} takes the answer of "{reference[:NAME_CHARACTERS]}", but no step before it has '
                        "this name: name an earlier step"
                    )
        earlier |= {name, *inner_names}


def _references(prompt: yaml.Node) -> Iterator[str]:
    """Yield the names of the steps whose answers a prompt contains. Leave out names that a template makes."""
    for part in prompt.value if isinstance(prompt, yaml.SequenceNode) else ():
        if isinstance(part, yaml.MappingNode) and _text(_value(part, "type")) == "previous_response":
            reference = _text(_value(part, "step"))
            if reference and "{{" not in reference:
                yield reference


def _is_blank(prompt: yaml.Node) -> bool:
    """Return True if a prompt asks for nothing: no text, no parts, or blank static parts only."""
    if isinstance(prompt, yaml.SequenceNode) and prompt.value:
        return all(
            isinstance(part, yaml.MappingNode)
            and _text(_value(part, "type")) == "static"
            and ((content := _value(part, "content")) is None or _is_empty(content))
            for part in prompt.value
        )
    return _is_empty(prompt)


def _is_empty(node: yaml.Node) -> bool:
    """Return True for null, a blank text, and a collection without content."""
    if isinstance(node, yaml.ScalarNode):
        is_null = not node.style and node.value.strip().lower() in ("", "~", "null")
        return is_null or not node.value.strip()
    return not node.value


def _names(node: yaml.Node) -> Iterator[str]:
    """Yield the name of every mapping below a node, such as the steps in a loop."""
    if isinstance(node, yaml.MappingNode):
        yield _text(_value(node, "name"))
        for _, value in node.value:
            yield from _names(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _names(item)


def _value(mapping: yaml.MappingNode, key: str) -> yaml.Node | None:
    """Return the value of a key, or None."""
    pairs = ((name, value) for name, value in mapping.value if isinstance(name, yaml.ScalarNode))
    return next((value for name, value in pairs if name.value == key), None)


def _text(node: yaml.Node | None) -> str:
    return node.value.strip() if isinstance(node, yaml.ScalarNode) else ""
