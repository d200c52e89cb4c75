"""Reads a study's keys for our own runtime, and checks what its pipeline needs from this machine."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import yaml
from pydantic import Field

from workbench.errors import ExecutionFailed, PipelineUnreadable
from workbench.execution.own import asks, project
from workbench.execution.pipeline_source import PIPELINE_BYTES, named_files
from workbench.execution.runtime import BeforeVariable, Check, ModelCalls, Needs, StudyFile, TellsCost, WriteBack
from workbench.fields import EXPECTED, VARIABLE, Form, Text
from workbench.nouns import Engine, InputFile, Pipeline, Target
from workbench.pipeline_file import needs
from workbench.pipeline_file.document import read, read_file, scalar_text, value
from workbench.pipeline_file.influence import can_reach, mentions, top_steps
from workbench.pipeline_file.parsers import FAST_YAML
from workbench.pipeline_file.steps import workflow

INPUT_BYTES = 20_000_000
#: The variable in which the runtime gives the prompt to a step.
PROMPT_VARIABLE = "user_prompt"


class OwnKeys(Form):
    """The study keys of a runtime that executes a pipeline file of the user's with our own runtime."""

    pipeline: Text = Field(description="the file of the pipeline that writes the plans")
    inputs: dict[str, Text] = Field(
        default_factory=dict,
        examples=[{"codebase": "packed.xml"}],
        description="files that the pipeline gets besides the prompt; a key is the variable's name in the pipeline, "
        "and its text is the file",
    )


class OwnRuntime:
    """Declares what our own runtime needs. `Mix` and `Serve` start it in different ways."""

    instead: ClassVar[Mapping[str, str]] = {}
    real_in_rehearsal: ClassVar[str] = ""

    @classmethod
    def write_back(cls, target: Target | None) -> WriteBack:
        return BeforeVariable(PROMPT_VARIABLE)

    def needs(self, pipeline: Pipeline) -> Needs:
        return Needs(frozenset(needs.providers(_root(pipeline))))

    def tells_cost(self, pipeline: Pipeline) -> TellsCost:
        # The claude program decides by itself how much it asks.
        return "afterwards" if needs.programs(_root(pipeline)) else "before"

    def model_calls(self, pipeline: Pipeline) -> tuple[ModelCalls, ...]:
        if self.tells_cost(pipeline) != "before":
            return ()
        return tuple(asks.model_calls(_root(pipeline), pipeline))

    def refusal_to_rehearse(self, pipeline: Pipeline) -> str | None:
        if not needs.programs(_root(pipeline)):
            return None
        return (
            f"{pipeline.file}: a step says via: program, and the claude program cannot be rehearsed, as it asks the "
            "real service; leave that out for a rehearsal"
        )

    def refusal(self, pipeline: Pipeline) -> str | None:
        project.compile_once()
        return project.problems(pipeline)

    def warning(self, pipeline: Pipeline) -> str | None:
        return _unreached_plan(_root(pipeline))

    def checks(self, pipeline: Pipeline, home: Path, environ: Mapping[str, str]) -> Iterator[Check]:
        try:
            project.compile_once()
        except ExecutionFailed as error:
            yield Check("runtime", False, "cannot be started", error.message)
            return
        yield Check("runtime", True, project.version())
        problems = project.problems(pipeline)
        yield Check("pipeline", problems is None, str(pipeline.file), problems or "")


def pipeline_of(engine: Engine, keys: OwnKeys, study: StudyFile) -> Pipeline:
    """Return the pipeline that these keys name, with the content hashes of all its files."""
    file = (study.folder / keys.pipeline).resolve()
    text = study.text(("pipeline",), file, PIPELINE_BYTES) or ""
    files: tuple[InputFile, ...] = ()
    try:
        root = read(text, FAST_YAML) if text else None
    except PipelineUnreadable as error:
        study.add_problem(("pipeline",), f'pipeline: "{keys.pipeline}" is no pipeline file: {error}')
    else:
        if root is not None and workflow(root) is None:
            expected = "expected YAML with workflow: at its root, and steps: in it"
            study.add_problem(("pipeline",), f'pipeline: "{keys.pipeline}" is no pipeline file; {expected}')
        files = named_files(root, file.parent, expand_home=True) if root is not None else ()
    return Pipeline(
        engine,
        file=file,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        inputs=tuple(_inputs(keys.inputs, study)),
        files=files,
    )


def _unreached_plan(root: yaml.MappingNode) -> str | None:
    """Return the warning that the prompt does not get into the plan, or None if it may do so.

    The plan is the answer of the last step. If a condition may skip that step, the plan may come from another step.
    """
    workflow_node = workflow(root)
    all_steps = top_steps(workflow_node)
    if workflow_node is None or not all_steps:
        return None
    output = all_steps[-1]
    kind, name = (scalar_text(value(output, key)) or "" for key in ("type", "name"))
    if not kind.startswith(tuple(needs.STEP_PROVIDERS)) or value(output, "condition") is not None:
        return None
    prompted = [step for step in all_steps if mentions(step, PROMPT_VARIABLE)]
    if can_reach(workflow_node, prompted, output):
        return None
    return (
        f'pipeline: step "{name}", whose answer is the plan, takes in nothing that depends on the prompt, so no prompt '
        f"can change the plan; add a part {{type: variable, name: {PROMPT_VARIABLE}}} to its prompt, or a part "
        "{type: previous_response, step: NAME} for a step that has one"
    )


def _root(pipeline: Pipeline) -> yaml.MappingNode:
    """Return the pipeline file's root.

    Raises:
        StudyError: the file cannot be read for certain.
    """
    if pipeline.file is None:
        raise ValueError("our own runtime executes a pipeline file")
    return read_file(pipeline.file, FAST_YAML)


def _inputs(names: Mapping[str, str], study: StudyFile) -> Iterator[InputFile]:
    """Yield each input with the hash of its text. Report a wrong name, or a file that cannot be read."""
    for name, path in sorted(names.items()):
        if not re.fullmatch(VARIABLE, name):
            study.add_problem(("inputs", name), f'inputs: "{name}" is not {EXPECTED[VARIABLE]}')
        text = study.text(("inputs", name), study.folder / path, INPUT_BYTES) or ""
        yield InputFile(name, (study.folder / path).resolve(), hashlib.sha256(text.encode()).hexdigest())
