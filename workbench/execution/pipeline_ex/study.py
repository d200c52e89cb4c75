"""Reads the study keys of `runtime: pipeline_ex`: the checkout, and the step whose prompt the candidate becomes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field

from workbench.errors import PipelineUnreadable
from workbench.execution.pipeline_ex.provable import refusals
from workbench.execution.pipeline_source import PIPELINE_BYTES, named_files
from workbench.execution.runtime import StudyFile
from workbench.fields import Form, KeyPath, Text, nearest
from workbench.nouns import Engine, Pipeline, Target
from workbench.pipeline_file.document import mappings, read
from workbench.pipeline_file.influence import can_reach, top_steps
from workbench.pipeline_file.parsers import YAMERL
from workbench.pipeline_file.steps import steps, workflow

#: The pipeline of the checkout that its generate task runs.
WORKING_GENESIS = "working_genesis.yaml"


class TargetKeys(Form):
    """The keys of a study's target."""

    pipeline: Text = Field(description="the pipeline file, relative to the checkout")
    step: Text = Field(description="the step whose prompt gets the candidate")
    output: Text | None = Field(default=None, description="the step whose answer is the plan; by default, it is `step`")
    part: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="which static part of the step's prompt the candidate replaces, counted from 1"
    )


class CheckoutKeys(Form):
    """The study keys of a runtime that executes the user's own checkout."""

    checkout: Text = Field(description="the folder of your checkout of pipeline_ex")
    target: TargetKeys | None = Field(
        default=None,
        description="the step to optimise; without this key, the candidate is the request of mix "
        "pipeline.generate.live",
    )


@dataclass(frozen=True)
class CheckoutSettings:
    """The checkout's absolute path, and the study's target."""

    checkout: Path
    target: Target | None = None


def pipeline_of(name: str, keys: CheckoutKeys, study: StudyFile) -> Pipeline:
    """Return the pipeline of the checkout that these keys name."""
    checkout = (study.folder / keys.checkout).expanduser().resolve()
    if not (checkout / "mix.exs").is_file():
        study.add_problem(("checkout",), f'checkout: "{keys.checkout}": there is no mix.exs; expected a Mix project')
    if keys.target is None:
        target, file = None, checkout / WORKING_GENESIS
        if (checkout / "mix.exs").is_file() and not file.is_file():
            study.add_problem(
                ("checkout",),
                f"checkout: there is no {file.name} in it; without this file, pipeline_ex writes plans of its own",
            )
    else:
        target = Target(keys.target.step, keys.target.output or keys.target.step, keys.target.part)
        file = (checkout / keys.target.pipeline).resolve()
        study.text(("target", "pipeline"), file, PIPELINE_BYTES)
    text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
    root = _root(study, keys, file.name, text) if text else None
    if keys.target is not None and root is not None:
        _check_target(study, keys.target, root, checkout)
    return Pipeline(
        Engine(name, CheckoutSettings(checkout, target)),
        file=file,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        files=named_files(root, checkout) if root is not None else (),
        target=target,
    )


def _root(study: StudyFile, keys: CheckoutKeys, name: str, text: str) -> yaml.MappingNode | None:
    """Return the pipeline file's root. If the file cannot be read, add a problem and return None."""
    try:
        return read(text, YAMERL)
    except PipelineUnreadable as error:
        if keys.target is not None:
            study.add_problem(
                ("target", "pipeline"), f'target.pipeline: "{keys.target.pipeline}" cannot be read: {error}'
            )
        else:
            study.add_problem(("checkout",), f"checkout: {name} in it is no pipeline file: {error}")
        return None


def _check_target(study: StudyFile, target: TargetKeys, root: yaml.MappingNode, checkout: Path) -> None:
    """Report a target whose step is missing, whose output stands before its step, or whose plan cannot be proved."""
    path: KeyPath = ("target", "pipeline")
    if workflow(root) is None:
        return study.add_problem(
            path, f'target.pipeline: "{target.pipeline}" has no workflow: at its root, so pipeline_ex would run no step'
        )
    all_steps = steps(root)
    prompted_steps = [name for name, step in all_steps.items() if step.statics]
    if target.step not in prompted_steps:
        problem = "has no static part in its prompt" if target.step in all_steps else "is no step of the pipeline"
        return _unknown(study, "step", target.step, problem, prompted_steps)
    parts = len(all_steps[target.step].statics)
    if target.part > parts:
        study.add_problem(
            ("target", "part"),
            f"target.part: step {target.step} has {parts} static part{'' if parts == 1 else 's'}, not {target.part}",
        )
    top_steps = [name for name, step in all_steps.items() if step.top]
    outputs = _top_steps_from(list(all_steps), target.step, top_steps)
    around = next((name for name in top_steps if _holds(all_steps[name].node, all_steps[target.step].node)), None)
    if not all_steps[target.step].top and (target.output in (None, around) or not outputs):
        return study.add_problem(("target", "step"), _within(target.step, around, outputs))
    output = target.output or target.step
    if output not in outputs:
        problem = "stands before the step" if output in all_steps else "is no step of the pipeline"
        return _unknown(study, "output", output, problem, outputs)
    for reason in refusals(root, Target(target.step, output, target.part), checkout):
        study.add_problem(("target", "step"), f"target.step: {reason}")
    return None


def unreached_output(root: yaml.MappingNode, target: Target) -> str | None:
    """Return the warning that the target's prompt does not get into the plan, or None if it may do so."""
    workflow_node, all_steps = workflow(root), steps(root)
    if workflow_node is None or target.step not in all_steps or target.output not in all_steps:
        return None
    step, output = all_steps[target.step].node, all_steps[target.output].node
    prompted = [node for node in top_steps(workflow_node) if any(inner is step for inner in mappings(node))]
    if can_reach(workflow_node, prompted, output):
        return None
    return (
        f'target.output: step "{target.output}" takes in nothing of step "{target.step}", which gets the prompt, so no '
        f'prompt can change the plan; add a part {{type: previous_response, step: "{target.step}"}} to its prompt, or '
        "name another step in target.output"
    )


def _holds(step: yaml.MappingNode, inner: yaml.MappingNode) -> bool:
    """Return True if the first step is around the second one."""
    return any(node is inner for node in mappings(step)) and step is not inner


def _within(step: str, around: str | None, outputs: list[str]) -> str:
    """Return the message about a target within another step that names no step after it as its output.

    Args:
        around: the name of the step around the target, or None if the name does not tell that step.
        outputs: the steps that the output may be.
    """
    container, after = ("another step", "it") if around is None else (f'the step "{around}"',) * 2
    if outputs:
        expected = f"target.output to name the step that puts out the plan: one of {', '.join(outputs)}"
    else:
        expected = f"a step after {after} that puts out the plan, with its name in target.output; the pipeline has none"
    return (
        f'target.step: "{step}" stands within {container}, and pipeline_ex saves no answer of such a step as '
        f"the plan; expected {expected}"
    )


def _unknown(study: StudyFile, key: str, name: str, problem: str, names: list[str]) -> None:
    """Report that a key of the target names a wrong step, with the names that it may have."""
    expected = f"expected one of {', '.join(names)}{nearest(name, names)}" if names else "no step can be named here"
    study.add_problem(("target", key), f'target.{key}: "{name}" {problem}; {expected}')


def _top_steps_from(names: list[str], first: str, top_steps: list[str]) -> list[str]:
    """Return the top-level steps from the step `first` on. pipeline_ex can save their outputs."""
    return [name for name in names[names.index(first) :] if name in top_steps]
