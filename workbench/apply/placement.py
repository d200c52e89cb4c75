"""Decides which text goes into which part of the pipeline file (docs/decisions/0007).

Afterwards the pipeline does exactly what the run measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from workbench.apply.prompt import Prompt
from workbench.errors import NotApplied
from workbench.execution.runtime import IntoStep, NotWritten
from workbench.execution.runtimes import RUNTIMES
from workbench.fields import nearest
from workbench.pipeline_file.steps import Step, steps, value
from workbench.pipeline_file.write_back import read
from workbench.run.file_format import RUN_AGAIN
from workbench.search.candidate import HEADING, with_goal


@dataclass(frozen=True)
class Chosen:
    """The step and the goal that a person names when the run does not determine them."""

    step: str | None = None
    goal: str | None = None


@dataclass(frozen=True)
class Place:
    """The place for a text in a pipeline file.

    Attributes:
        content: the file's content now.
        measured: the file's content when the prompt was measured.
        part: the number of the static part in the step, from 1.
        text: the new text of that part.
    """

    file: Path
    content: str
    measured: str
    step: str
    part: int
    text: str


def place(prompt: Prompt, chosen: Chosen) -> Place:
    """Return the place of a prompt in the user's pipeline file.

    Raises:
        NotApplied: the prompt has no place in a pipeline file, or several places are possible.
        RunNotFound: the folder of the prompt's run is incomplete.
    """
    if prompt.runtime is None:
        raise NotApplied(f"{prompt.run} did not keep the pipeline that it measured: {RUN_AGAIN}")
    if prompt.program == "writer":
        raise NotApplied(
            "with program: writer the prompt is for the model that writes prompts, and stands in no pipeline file; "
            f"workbench generate {prompt.run} writes a prompt with it"
        )
    write_back = RUNTIMES[prompt.runtime].write_back(prompt.target)
    if isinstance(write_back, NotWritten):
        raise NotApplied(write_back.reason.format(file=prompt.file))
    file = prompt.pipeline
    if file is None:
        raise NotApplied(f"{prompt.run} did not keep the pipeline that it measured: {RUN_AGAIN}")
    content, measured = _content(file), prompt.measured()
    if isinstance(write_back, IntoStep):
        return Place(file, content, measured, *_in_target(prompt, write_back, measured, chosen))
    variable = write_back.variable
    return Place(file, content, measured, *_before_variable(file, content, measured, prompt.text, variable, chosen))


def _content(file: Path) -> str:
    """Return the content of the user's pipeline file.

    Raises:
        NotApplied: the file is a symbolic link, is missing, or cannot be read.
    """
    if file.is_symlink():
        raise NotApplied(
            f"{file} is a symbolic link, and git keeps no text in one: name {file.resolve()} in the study, "
            f"and {RUN_AGAIN}"
        )
    if not file.is_file():
        raise NotApplied(
            f"{file} does not exist; expected the pipeline file that the run measured: put it back, or promote the "
            "prompt in your own clone, and name the study there with workbench apply --champion STUDY"
        )
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise NotApplied(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotApplied(f"{file} is not UTF-8 (byte {error.start}): convert it first") from error


def _in_target(prompt: Prompt, target: IntoStep, measured: str, chosen: Chosen) -> tuple[str, int, str]:
    """Return the step, the part and its text: the candidate with the goal, as the run measured the part."""
    goals = dict(prompt.goals)
    if chosen.step not in (None, target.step):
        raise NotApplied(
            f"the run measured its prompt in step {target.step}, not in step {chosen.step}: leave --step out"
        )
    name = next(iter(goals)) if chosen.goal is None and len(goals) == 1 else chosen.goal
    if name not in goals:
        problem = (
            "the goal is written with the prompt, and the study has several"
            if name is None
            else f'"{name}" is no goal of the study'
        )
        raise NotApplied(f"{problem}: name one with --goal {' | '.join(goals)}{nearest(name or '', goals)}")
    text = with_goal(prompt.text, goals[name])
    old_marks = set(target.replaced.findall(steps(read(measured))[target.step].statics[target.part - 1].value))
    if new_marks := [mark for mark in dict.fromkeys(target.replaced.findall(text)) if mark not in old_marks]:
        raise NotApplied(
            f"the prompt has {', '.join(new_marks)[:300]}, which the pipeline would replace by other text; the run "
            "measured the prompt as a part of type: file, in which nothing is replaced: write such a part by hand"
        )
    return target.step, target.part, text


def _before_variable(
    file: Path, content: str, measured: str, prompt: str, variable: str, chosen: Chosen
) -> tuple[str, int, str]:
    """Return the step, the part and its text: the text before the variable, followed by the prompt.

    The run measured the prompt at the beginning of the variable, which follows that part.
    """
    if chosen.goal is not None:
        raise NotApplied(
            f"leave --goal out: the goal stays the value of {{{{{variable}}}}} and is not written into the file"
        )
    name, step = _step_with(variable, file, measured, chosen)
    part = _variable(step, variable)
    if not part:
        raise NotApplied(
            f"step {name} has no static part right before its variable {variable}, where the prompt would go: write "
            'one with content: "", and run the study again'
        )
    measured_text = step.statics[part - 1].value
    old_text = measured_text.rstrip("\n")
    text = (f"{old_text}\n\n" if old_text else "") + prompt + HEADING.rstrip("\n") + "\n"
    current = steps(read(content)).get(name)
    # The new part contains the user's own text as it was measured. If the user has changed that text since, writing the
    # part would undo the change.
    if current is not None and (
        _variable(current, variable) != part or current.statics[part - 1].value not in (measured_text, text)
    ):
        raise NotApplied(
            f"the text before {{{{{variable}}}}} in step {name} of {file} was changed since it was measured: "
            "run the study again, so that the prompt is measured with the new text"
        )
    return name, part, text


def _step_with(variable: str, file: Path, measured: str, chosen: Chosen) -> tuple[str, Step]:
    """Return the name of the step that takes the variable, and the step as the run measured it.

    Raises:
        NotApplied: no step takes the variable, or several do and the chosen step is none of them.
    """
    candidates = {name: step for name, step in steps(read(measured)).items() if _variable(step, variable) is not None}
    name = next(iter(candidates)) if chosen.step is None and len(candidates) == 1 else chosen.step
    if name in candidates:
        return name, candidates[name]
    problem = (
        "no step takes the prompt"
        if not candidates
        else "several steps take the prompt"
        if name is None
        else f'step "{name}" takes no prompt'
    )
    names = f": name one with --step {' | '.join(candidates)}{nearest(name or '', candidates)}" if candidates else ""
    raise NotApplied(f"{problem} by a part {{type: variable, name: {variable}}} in {file}{names}")


def _variable(step: Step, variable: str) -> int | None:
    """Return the number of the static part that stands directly before the prompt's variable.

    Return 0 if another part stands before the variable, and None if the step does not take the variable.
    """
    parts = value(step.node, "prompt")
    number, after_static = 0, False
    for part in parts.value if isinstance(parts, yaml.SequenceNode) else []:
        kind, name = (getattr(value(part, key), "value", None) for key in ("type", "name"))
        if kind == "variable" and name == variable:
            return number if after_static else 0
        after_static = kind == "static" and isinstance(value(part, "content"), yaml.ScalarNode)
        number += after_static
    return None
