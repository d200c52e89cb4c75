"""Writes the pipeline file of one execution: the user's file with the candidate in the target's step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import yaml

from workbench.errors import PipelineRejected, PipelineUnreadable
from workbench.execution.pipeline_ex.provable import (
    SAVED_IN_LOOPS,
    UNLOGGED_STEPS,
    claude_options,
    set_proving_formats,
    step_types,
)
from workbench.nouns import Target
from workbench.pipeline_file.document import items, mappings, read, scalar_text, value
from workbench.pipeline_file.parsers import YAMERL
from workbench.pipeline_file.steps import Step, put, scalar, steps, workflow

#: The marks that pipeline_ex replaces in every text of a step, except in the text of a `file` part.
INTERPOLATED = re.compile(r"\{\{[^}]+\}\}")
#: The tools with which a `claude` step writes files, and the modes that allow writing.
WRITERS = {"Write", "Edit", "MultiEdit", "NotebookEdit", "Bash", "Task"}
WRITING_MODES = {"accept_edits", "acceptedits", "bypass_permissions", "bypasspermissions"}
#: Keys that say what a step does or may do.
PERMITTING = ("type", "allowed_tools", "permission_mode")
#: The types of steps that write files themselves.
WRITING_STEPS = {"file_ops", "pipeline", "codebase_query"}


def interpolated(prompt: str) -> list[str]:
    """Return the parts of a prompt that pipeline_ex would replace, without repetitions."""
    return list(dict.fromkeys(INTERPOLATED.findall(prompt)))


def write(pipeline: str, prompt: str, target: Target, file: Path, output: str) -> str | None:
    """Write the variant to `file`, an absolute path. Return what is wrong with the prompt, or None.

    Args:
        pipeline: the text of the user's file.
        output: the name of the plan's file in the output folder. Other steps' files get this name and a number.

    Raises:
        PipelineRejected: the pipeline cannot be read, or no longer has the target's steps.
    """
    root = _root(pipeline)
    workflow_node, all_steps = workflow(root), steps(root)
    if workflow_node is None or target.step not in all_steps or target.output not in all_steps:
        raise PipelineRejected(f"the pipeline has no step {target.step} or {target.output} any more")
    step = all_steps[target.step]
    if len(step.statics) < target.part:
        raise PipelineRejected(f"step {target.step} has no static part number {target.part} any more")
    prompt_part = step.statics[target.part - 1]
    old_marks = interpolated(prompt_part.value)
    new_marks = [mark for mark in interpolated(prompt) if mark not in old_marks]
    if new_marks and old_marks:
        return _new_marks_problem(new_marks, old_marks)
    if new_marks:
        _read_from_file(step.node, prompt_part, prompt, file.with_name("candidate.md"))
    else:
        prompt_part.value, prompt_part.style, prompt_part.tag = prompt, '"', scalar("").tag
    set_proving_formats(workflow_node)
    _save_proofs(all_steps.values(), output)
    put(all_steps[target.output].node, "output_to_file", scalar(output))
    for key in ("workspace_dir", "checkpoint_dir"):
        put(workflow_node, key, scalar(str(file.with_name(key.partition("_")[0]))))
    put(workflow_node, "checkpoint_enabled", scalar("false", "bool"))
    file.write_text(yaml.serialize(root, allow_unicode=True, width=2**31), encoding="utf-8")
    return None


def _root(pipeline: str) -> yaml.MappingNode:
    try:
        return read(pipeline, YAMERL)
    except PipelineUnreadable as error:
        raise PipelineRejected(f"the pipeline file cannot be read: {error}") from error


def _new_marks_problem(new_marks: Iterable[str], old_marks: Iterable[str]) -> str:
    """Return the message for a prompt with new marks in a step whose own marks must still be replaced."""
    return (
        f"the prompt has {', '.join(new_marks)[:300]}, which the pipeline would replace by other text or nothing; the "
        f"only text of this form that can stand in this step's prompt is {', '.join(old_marks)[:300]}"
    )


def _read_from_file(step: yaml.MappingNode, prompt_part: yaml.ScalarNode, prompt: str, file: Path) -> None:
    """Make the part read the prompt from a file. pipeline_ex replaces nothing in such a file."""
    file.write_text(prompt, encoding="utf-8", newline="")
    for part in items(value(step, "prompt")):
        if value(part, "content") is prompt_part:
            part.value = [(scalar("type"), scalar("file")), (scalar("path"), scalar(str(file)))]


def _save_proofs(all_steps: Iterable[Step], output: str) -> None:
    """Make each step whose questions are not logged save its answer, with the types of claude's messages."""
    for number, step in enumerate(all_steps, 1):
        types = step_types(step.node)
        if not types & UNLOGGED_STEPS:
            continue
        if step_types(step.node, within=False) & UNLOGGED_STEPS:
            put(claude_options(step.node), "debug_mode", scalar("true", "bool"))
        if step.top and types <= SAVED_IN_LOOPS and value(step.node, "output_to_file") is None:
            put(step.node, "output_to_file", scalar(f"{output}_{number}"))


def writes_files(pipeline: str) -> bool:
    """Return True if a step may write files beside its output. Then each execution needs its own copy.

    Raises:
        PipelineRejected: the pipeline cannot be read.
    """
    permissions = _permissions(_root(pipeline))
    return bool(
        permissions & WRITERS
        or {permission.lower() for permission in permissions} & WRITING_MODES
        or permissions & WRITING_STEPS
    )


def _permissions(root: yaml.Node) -> set[str]:
    """Return every scalar under a key that says what a step does or may do."""
    nodes = [value(mapping, key) for mapping in mappings(root) for key in PERMITTING]
    permissions = [scalar_text(permission) for node in nodes for permission in (node, *items(node))]
    return {permission for permission in permissions if permission is not None}
