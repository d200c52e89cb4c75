"""Makes the steps of a pipeline prove their answers, and names the steps for which that is impossible.

pipeline_ex goes on when the claude program fails. Only the result message, which the claude program prints last, proves
an answer. pipeline_ex always keeps that message with the output format `stream_json`. With `json` it drops the message.
With `text` there is no such message. docs/decisions/0006 has the measurements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from workbench.errors import StudyError
from workbench.nouns import Target
from workbench.pipeline_file.document import items, mappings, read_file, scalar_text, value
from workbench.pipeline_file.parsers import YAMERL
from workbench.pipeline_file.steps import put, scalar, workflow

#: The output format whose result message proves an answer, and the two spellings of this format in pipeline files.
PROVING_FORMAT = "stream_json"
STREAM_WORDS = ("stream_json", "stream-json")

#: Steps whose questions pipeline_ex does not log. Only their saved output can prove that a model answered.
UNLOGGED_STEPS = {"claude_smart", "claude_session", "claude_extract", "claude_robust", "claude_batch"}
CLAUDE_STEPS = {"claude", *UNLOGGED_STEPS}
#: Steps whose answers pipeline_ex can save within a loop. It cannot write other steps' answers as JSON, and then fails.
SAVED_IN_LOOPS = {*UNLOGGED_STEPS, "claude", "gemini", "for_loop"}

#: The output formats of pipeline_ex's presets (option_builder.ex).
PRESET_FORMATS = {"development": PROVING_FORMAT, "production": "json", "analysis": "json", "chat": "text"}
#: The presets of steps that name no preset, by step type. All other types have the preset development.
DEFAULT_PRESETS = {"claude_extract": "analysis", "claude_session": "analysis"}

#: Steps that cannot put out a plan, and why.
NO_OUTPUT = {
    "while_loop": "pipeline_ex saves only how often a while_loop ran",
    "parallel_claude": "pipeline_ex cannot save the output of a parallel_claude step",
    "file_ops": "a file_ops step saves what it did with files, and no answer of a model",
    "set_variable": "a set_variable step saves its variables, and no answer of a model",
}


@dataclass(frozen=True)
class _Place:
    """A step, the steps around it, and the nested pipeline file that holds it, if any."""

    node: yaml.MappingNode
    within: tuple[yaml.MappingNode, ...] = ()
    file: str = ""

    @property
    def kind(self) -> str:
        return _text(self.node, "type")

    @property
    def name(self) -> str:
        name = f'step "{_text(self.node, "name") or "without a name"}"'
        return f"{name} of {self.file}" if self.file else name

    @property
    def optional(self) -> bool:
        """Return True if pipeline_ex may skip this step, because the step or a step around it has a condition."""
        return any(value(node, "condition") is not None for node in (self.node, *self.within))


def step_types(step: yaml.Node, within: bool = True) -> set[str]:
    """Return the type of a step, and with `within` the types of all steps within it."""
    kind = scalar_text(value(step, "type"))
    types = set() if kind is None else {kind}
    for inner in items(value(step, "steps")) if within else []:
        types |= step_types(inner)
    return types


def set_proving_formats(workflow_node: yaml.MappingNode) -> None:
    """Give every step in `workflow:` that asks the claude program the output format that proves answers.

    A `claude` step without an output format uses this format by default.
    """
    for node in mappings(workflow_node):
        kind = _text(node, "type")
        if kind in UNLOGGED_STEPS or (kind == "claude" and not _streams(node)):
            put(claude_options(node), "output_format", scalar(PROVING_FORMAT))
        for task in items(value(node, "parallel_tasks")):
            if isinstance(task, yaml.MappingNode) and not _streams(task):
                put(claude_options(task), "output_format", scalar(PROVING_FORMAT))


def claude_options(step: yaml.MappingNode) -> yaml.MappingNode:
    """Return the step's `claude_options`. Add them if they are missing."""
    options = value(step, "claude_options")
    if not isinstance(options, yaml.MappingNode):
        options = yaml.MappingNode("tag:yaml.org,2002:map", [])
        put(step, "claude_options", options)
    return options


def refusals(root: yaml.MappingNode, target: Target, checkout: Path) -> Iterator[str]:
    """Yield each reason why no execution of this target can prove its plan, with what to change in the pipeline.

    Args:
        root: the pipeline file's root.
        checkout: the folder that nested pipeline files are relative to.
    """
    workflow_node = workflow(root)
    if workflow_node is None:
        return
    places = list(_places(workflow_node, checkout))
    for place in places:
        name = _text(place.node, "name")
        if name == target.step and place.kind == "claude_batch" and not place.file:
            yield from _batch(place)
        if name == target.output and not place.within and place.kind in NO_OUTPUT:
            yield f"{place.name} cannot put out the plan: {NO_OUTPUT[place.kind]}; name another step in target.output"
        if not place.optional:
            yield from _unsaved(place)
            yield from _fixed_format(place, workflow_node)


def _places(
    workflow_node: yaml.MappingNode,
    checkout: Path,
    within: tuple[yaml.MappingNode, ...] = (),
    file: str = "",
    visited: frozenset[str] = frozenset(),
) -> Iterator[_Place]:
    """Yield every step of a workflow, and those of its loops and nested pipelines."""
    for node in items(value(workflow_node, "steps")):
        if not isinstance(node, yaml.MappingNode):
            continue
        yield _Place(node, within, file)
        around = (*within, node)
        yield from _places(node, checkout, around, file, visited)
        nested = value(node, "pipeline")
        if isinstance(nested, yaml.MappingNode):
            yield from _places(workflow(nested) or nested, checkout, around, file, visited)
        name = scalar_text(value(node, "pipeline_file"))
        if name and name not in visited and (nested_file := _workflow_of(checkout / name)) is not None:
            yield from _places(nested_file, checkout, around, name, visited | {name})


def _workflow_of(file: Path) -> yaml.MappingNode | None:
    """Return the workflow of a nested pipeline file, or None if it cannot be read. pipeline_ex reports that itself."""
    try:
        return workflow(read_file(file, YAMERL))
    except StudyError:
        return None


def _batch(place: _Place) -> Iterator[str]:
    """Yield a reason if a claude_batch would never ask the candidate."""
    tasks = items(value(place.node, "tasks"))
    if not tasks:
        yield (
            f"{place.name} is a claude_batch without tasks, for which pipeline_ex sends an empty prompt: the candidate "
            "would never be asked; give it tasks, or make it a claude_smart step"
        )
    elif all(_has_own_prompt(task) for task in tasks):
        yield (
            f"{place.name} is a claude_batch whose tasks all have a prompt or a file of their own, so pipeline_ex does "
            "not use the step's prompt: the candidate would never be asked; leave the prompt of a task out"
        )


def _has_own_prompt(task: yaml.Node) -> bool:
    """Return True if claude_batch.ex builds this task's prompt without the step's prompt."""
    prompt = value(task, "prompt")
    return isinstance(prompt, yaml.SequenceNode) or any(
        isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str"
        for node in (prompt, value(task, "file"))
    )


def _unsaved(place: _Place) -> Iterator[str]:
    """Yield a reason if nothing can prove the answers of a step within other steps.

    pipeline_ex logs no questions of the steps in UNLOGGED_STEPS. If `for_loop` steps are around such a step,
    pipeline_ex can save the step's answers with the output of the loop.
    """
    if place.kind not in UNLOGGED_STEPS or not place.within:
        return
    outermost = place.within[0]
    loops = all(_text(node, "type") == "for_loop" for node in place.within)
    if loops and step_types(outermost) <= SAVED_IN_LOOPS:
        return
    yield (
        f"nothing can prove the answers of {place.name} ({place.kind}): pipeline_ex neither logs them nor saves them "
        f"in a {_text(place.within[-1], 'type') or 'step'}; make it a claude step, or move it out"
    )


def _fixed_format(place: _Place, workflow_node: yaml.MappingNode) -> Iterator[str]:
    """Yield a reason if a step's output format proves no answer and cannot be replaced."""
    if place.kind not in CLAUDE_STEPS:
        return
    output_format = _format(place.node, workflow_node)
    config = value(place.node, "extraction_config")
    if place.kind == "claude_extract" and _text(config, "format") == "summary":
        yield (
            f"nothing can prove the answer of {place.name}: its extraction_config has the format summary, which cuts "
            "off the answer and the result message behind it; use another format"
        )
    if output_format == PROVING_FORMAT:
        return
    problem = f"{place.name} has the output format {output_format}, which proves no answer"
    if place.file:
        if output_format == "text":
            yield f"{problem}, and a nested pipeline file is not rewritten: set output_format: {PROVING_FORMAT} there"
    elif place.kind == "claude_extract" and items(value(config, "post_processing")):
        yield (
            f"{problem}; {PROVING_FORMAT} cannot replace it, because post_processing in its extraction_config would "
            f"work on raw messages: leave post_processing out, or set output_format: {PROVING_FORMAT} yourself"
        )
    elif reader := _reader(_text(place.node, "name"), workflow_node):
        yield (
            f"{problem}; {PROVING_FORMAT} cannot replace it, because {reader} reads the text of its answer, which "
            f"would be raw messages: have a later step do that, or set output_format: {PROVING_FORMAT} yourself"
        )


def _format(step: yaml.MappingNode, workflow_node: yaml.MappingNode) -> str:
    """Return the output format of a step in the user's file, from its options or its preset."""
    options = value(step, "claude_options")
    if (output_format := _text(options, "output_format")) or _text(step, "type") == "claude":
        return PROVING_FORMAT if output_format in ("", *STREAM_WORDS) else output_format
    kind = _text(step, "type")
    default = _text(value(workflow_node, "defaults"), "claude_preset") or DEFAULT_PRESETS.get(kind, "development")
    return PRESET_FORMATS.get(_text(step, "preset") or default, PROVING_FORMAT)


def _streams(step: yaml.MappingNode) -> bool:
    return _text(value(step, "claude_options"), "output_format") in ("", *STREAM_WORDS)


def _reader(name: str, workflow_node: yaml.MappingNode) -> str | None:
    """Return the key and the value with which the workflow itself reads the text of this step's answer, or None."""
    for node in mappings(workflow_node):
        for key, content in node.value:
            text = scalar_text(content) or ""
            is_source = key.value == "condition" or key.value.endswith("_source")
            if is_source and any(f"{name}{mark}text" in text for mark in (".", ":")):
                return f'{key.value}: "{text}"'
    return None


def _text(node: yaml.Node | None, key: str) -> str:
    return scalar_text(value(node, key)) or ""
