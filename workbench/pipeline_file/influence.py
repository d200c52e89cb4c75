"""Finds out whether the steps that get the prompt can change the answer of the step that puts out the plan.

A step can take in what an earlier step did in many ways: by the step's name, by a variable, by a file, in a session.
Everything that may be such a way counts. So a pipeline whose prompt changes nothing may be overlooked, and no pipeline
is suspected in which the prompt can change the plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

import yaml

from workbench.pipeline_file.document import items, mappings, nodes, scalar_text, value

#: The marks that a runtime replaces in a text.
MARKS = re.compile(r"\{\{.*?\}\}", re.DOTALL)
#: Keys that name a step, or a value or variable that the step sets. Later steps may use each of these names.
NAMING_KEYS = ("name", "id", "output_field", "variable", "as")
#: Types of steps that may take in earlier answers or files without naming them.
UNNAMED_SOURCES = {"file_ops", "pipeline", "codebase_query"}
#: Types of steps that may write files. The presets of the types after the first allow it, if a step names no preset.
WRITING_STEPS = {"file_ops", "claude_smart", "claude_session", "claude_extract", "claude_robust", "claude_batch"}
#: Keys that may allow a model to use tools.
ALLOWING_KEYS = {"allowed_tools", "permission_mode", "preset", "claude_preset", "functions", "tools"}
#: How the types of steps and parts begin that can read files. The claude program may read files without a permission.
READING_TYPES = ("claude", "parallel_claude", "file")
#: The fewest characters of a file's name that are searched for in other steps.
SHORTEST_NAME = 3


def top_steps(workflow_node: yaml.Node | None) -> list[yaml.MappingNode]:
    """Return the items of the workflow's own `steps:`."""
    return [node for node in items(value(workflow_node, "steps")) if isinstance(node, yaml.MappingNode)]


def mentions(step: yaml.MappingNode, name: str) -> bool:
    """Return True if a step names another step or a variable in a key's value, or in a mark within a text."""
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return any(word.search(text) for text in _references(step))


def can_reach(workflow_node: yaml.MappingNode, prompted: Sequence[yaml.MappingNode], output: yaml.MappingNode) -> bool:
    """Return False if nothing that the prompted steps do can get into the answer of the output step.

    Args:
        prompted: the items of the workflow's own `steps:` that get the prompt.
        output: the item that puts out the plan.
    """
    affected: list[yaml.MappingNode] = []
    for step in top_steps(workflow_node):
        if any(step is node for node in prompted) or _takes_in(step, affected, value(workflow_node, "defaults")):
            affected.append(step)
        if step is output:
            break
    return any(step is output for step in affected)


def _takes_in(step: yaml.MappingNode, affected: Sequence[yaml.MappingNode], defaults: yaml.Node | None) -> bool:
    """Return True if a step may take in an answer, a variable, a session or a file of an affected step."""
    if not affected:
        return False
    names = [name for node in affected for name in _names(node)]
    files = [file for node in affected for file in _written_files(node)]
    return bool(
        _types(step) & UNNAMED_SOURCES
        or any(mentions(step, name) for name in names)
        or any(file in text for file in files for text in _texts(step))
        or (_has_session(step) and any(map(_has_session, affected)))
        or (_reads_files(step) and any(_may_write(node, defaults) for node in affected))
    )


def _names(step: yaml.MappingNode) -> Iterator[str]:
    """Yield the names of a step, of the steps within it, and of the values and variables that they set."""
    for node in mappings(step):
        yield from filter(None, (scalar_text(value(node, key)) for key in NAMING_KEYS))
        variables = value(node, "variables")
        if isinstance(variables, yaml.MappingNode):
            yield from (key.value for key, _ in variables.value)


def _written_files(step: yaml.MappingNode) -> Iterator[str]:
    """Yield the names of the files that a step saves its answers in, without marks such as a date."""
    for node in mappings(step):
        file = scalar_text(value(node, "output_to_file")) or ""
        yield from (part for part in MARKS.split(PurePath(file).name) if len(part) >= SHORTEST_NAME)


def _may_write(step: yaml.MappingNode, defaults: yaml.Node | None) -> bool:
    """Return True if a model may use tools in a step, or if the step writes files itself."""
    allowing = {key.value for node in mappings(step) for key, _ in node.value} & ALLOWING_KEYS
    allowed_by_default = isinstance(defaults, yaml.MappingNode) and any(
        key.value in ALLOWING_KEYS for node in mappings(defaults) for key, _ in node.value
    )
    return bool(allowing or allowed_by_default or _types(step) & WRITING_STEPS)


def _reads_files(step: yaml.MappingNode) -> bool:
    return any(kind.startswith(READING_TYPES) for kind in _types(step)) or _may_write(step, None)


def _has_session(step: yaml.MappingNode) -> bool:
    return any("session" in key.value for node in mappings(step) for key, _ in node.value) or any(
        "session" in kind or kind == "claude_continue" for kind in _types(step)
    )


def _types(step: yaml.MappingNode) -> set[str]:
    return {scalar_text(value(node, "type")) or "" for node in mappings(step)}


def _texts(step: yaml.MappingNode) -> Iterator[str]:
    """Yield every text within a step that is not a key."""
    return (node.value for node in nodes(step) if isinstance(node, yaml.ScalarNode))


def _references(step: yaml.MappingNode) -> Iterator[str]:
    """Yield every text within a step that may name another step. In the text of a prompt, only a mark can do so."""
    statics = [part for part in mappings(step) if scalar_text(value(part, "type")) == "static"]
    contents = {id(value(part, "content")) for part in statics}
    for node in nodes(step):
        if isinstance(node, yaml.ScalarNode):
            yield from MARKS.findall(node.value) if id(node) in contents else [node.value]
