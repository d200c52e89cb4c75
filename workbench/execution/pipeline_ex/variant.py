"""Writes the pipeline file of one execution: the user's, with the candidate in its step."""

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
from workbench.pipeline_file.document import YAMERL, items, mappings, read, scalar_text, value
from workbench.pipeline_file.steps import Step, put, scalar, steps, workflow

#: What pipeline_ex replaces everywhere in a step, except in the text of a `file` part.
INTERPOLATED = re.compile(r"\{\{[^}]+\}\}")
#: Tools with which a `claude` step writes files, and modes in which it may.
WRITERS = {"Write", "Edit", "MultiEdit", "NotebookEdit", "Bash", "Task"}
WRITING_MODES = {"accept_edits", "acceptedits", "bypass_permissions", "bypasspermissions"}
#: Keys that say what a step does or may do.
PERMITTING = ("type", "allowed_tools", "permission_mode")
WRITING_STEPS = {"file_ops", "pipeline", "codebase_query"}


def interpolated(prompt: str) -> list[str]:
    """Return what pipeline_ex would replace in a prompt, each once."""
    return list(dict.fromkeys(INTERPOLATED.findall(prompt)))


def written(pipeline: str, prompt: str, target: Target, file: Path, output: str) -> str | None:
    """Write the variant to `file`, which has to be absolute. Return what is wrong with the prompt, or None.

    Args:
        pipeline: the text of the user's file.
        output: the name of the plan's file in the output folder. With a number behind it, it names another step's file.

    Raises:
        PipelineRejected: the pipeline cannot be read, or has no such steps any more.
    """
    root = _root(pipeline)
    inside, known = workflow(root), steps(root)
    if inside is None or target.step not in known or target.output not in known:
        raise PipelineRejected(f"the pipeline has no step {target.step} or {target.output} any more")
    step = known[target.step]
    if len(step.statics) < target.part:
        raise PipelineRejected(f"step {target.step} has no static part number {target.part} any more")
    place = step.statics[target.part - 1]
    own = interpolated(place.value)
    strange = [one for one in interpolated(prompt) if one not in own]
    if strange and own:
        return _mixed(strange, own)
    if strange:
        _by_file(step.node, place, prompt, file.with_name("candidate.md"))
    else:
        place.value, place.style, place.tag = prompt, '"', scalar("").tag
    set_proving_formats(inside)
    _save_proofs(known.values(), output)
    put(known[target.output].node, "output_to_file", scalar(output))
    for key in ("workspace_dir", "checkpoint_dir"):
        put(inside, key, scalar(str(file.with_name(key.partition("_")[0]))))
    put(inside, "checkpoint_enabled", scalar("false", "bool"))
    file.write_text(yaml.serialize(root, allow_unicode=True, width=2**31), encoding="utf-8")
    return None


def _root(pipeline: str) -> yaml.MappingNode:
    try:
        return read(pipeline, YAMERL)
    except PipelineUnreadable as error:
        raise PipelineRejected(f"the pipeline file cannot be read: {error}") from error


def _mixed(strange: Iterable[str], own: Iterable[str]) -> str:
    return (
        f"the prompt has {', '.join(strange)[:300]}, which the pipeline would replace by something else or nothing; "
        f"of such only {', '.join(own)[:300]} can stand in this step's prompt"
    )


def _by_file(step: yaml.MappingNode, place: yaml.ScalarNode, prompt: str, file: Path) -> None:
    """Have the part read the prompt from a file, where nothing is replaced in it."""
    file.write_text(prompt, encoding="utf-8", newline="")
    for part in items(value(step, "prompt")):
        if value(part, "content") is place:
            part.value = [(scalar("type"), scalar("file")), (scalar("path"), scalar(str(file)))]


def _save_proofs(known: Iterable[Step], output: str) -> None:
    """Have each step whose questions are not logged save its answer, with the types of claude's messages."""
    for number, step in enumerate(known, 1):
        types = step_types(step.node)
        if not types & UNLOGGED_STEPS:
            continue
        if step_types(step.node, within=False) & UNLOGGED_STEPS:
            put(claude_options(step.node), "debug_mode", scalar("true", "bool"))
        if step.top and types <= SAVED_IN_LOOPS and value(step.node, "output_to_file") is None:
            put(step.node, "output_to_file", scalar(f"{output}_{number}"))


def writes_files(pipeline: str) -> bool:
    """Return whether a step may write files beside its output: then each execution needs its own folder.

    Raises:
        PipelineRejected: the pipeline cannot be read.
    """
    words = _permissions(_root(pipeline))
    return bool(words & WRITERS or {word.lower() for word in words} & WRITING_MODES or words & WRITING_STEPS)


def _permissions(root: yaml.Node) -> set[str]:
    """Return every scalar under a key that says what a step does or may do."""
    nodes = [value(mapping, key) for mapping in mappings(root) for key in PERMITTING]
    words = [scalar_text(word) for node in nodes for word in (node, *items(node))]
    return {word for word in words if word is not None}
