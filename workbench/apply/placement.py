"""What of a run's winner is written where (docs/decisions/0007): the pipeline has to do what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from workbench.errors import NotApplied
from workbench.execution.runtime import IntoStep, NotWritten
from workbench.execution.runtimes import RUNTIMES
from workbench.fields import nearest
from workbench.pipeline_file.steps import Step, steps, value
from workbench.pipeline_file.write_back import read
from workbench.run.folder import RunFolder
from workbench.run.record import AGAIN, RunRecord
from workbench.search.candidate import HEADING, with_goal


@dataclass(frozen=True)
class Chosen:
    """What a person says where a run leaves it open: names of a step and of a goal."""

    step: str | None = None
    goal: str | None = None


@dataclass(frozen=True)
class Place:
    """This text becomes that static part (from 1) of that step; `content` is the file's now, `measured` as it was."""

    file: Path
    content: str
    measured: str
    step: str
    part: int
    text: str


def place(run: RunFolder, chosen: Chosen) -> Place:
    """
    Raises:
        NotApplied: the winner has no place in a pipeline file, or it is not clear which.
        RunNotFound: the run's folder is not whole.
    """
    record = run.load(RunRecord)
    if record.runtime is None:
        raise NotApplied(f"{run.name} did not keep the pipeline that it measured: {AGAIN}")
    prompt = run.read("best_prompt.md")
    if record.program == "writer":
        raise NotApplied(
            "with program: writer the prompt is for the model that writes prompts, and stands in no pipeline file; "
            f"workbench generate {run.name} has it write one"
        )
    write_back = RUNTIMES[record.runtime].write_back(record.target)
    if isinstance(write_back, NotWritten):
        raise NotApplied(write_back.reason.format(file=run.path / "best_prompt.md"))
    if record.pipeline is None:
        raise NotApplied(f"{run.name} did not keep the pipeline that it measured: {AGAIN}")
    file = record.pipeline
    content, measured = _own(file), run.read("pipeline.yaml")
    if isinstance(write_back, IntoStep):
        return Place(file, content, measured, *_in_target(record, write_back, measured, prompt, chosen))
    variable = write_back.variable
    return Place(file, content, measured, *_before_variable(file, content, measured, prompt, variable, chosen))


def _own(file: Path) -> str:
    """What stands in the pipeline file, if it is the user's own."""
    if file.is_symlink():
        raise NotApplied(
            f"{file} is a symbolic link, and git keeps no text in one: name {file.resolve()} in the study, and {AGAIN}"
        )
    if not file.is_file():
        raise NotApplied(f"{file} is not there any more")
    try:
        return file.read_bytes().decode()
    except OSError as error:
        raise NotApplied(f"{file} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise NotApplied(f"{file} is not UTF-8 (byte {error.start}): convert it first") from error


def _in_target(record: RunRecord, target: IntoStep, measured: str, prompt: str, chosen: Chosen) -> tuple[str, int, str]:
    """What was measured is the whole of it: the candidate and the goal are that part's text."""
    goals = {goal.name: goal.text for goal in record.goals}
    if chosen.step not in (None, target.step):
        raise NotApplied(f"the run measured its prompt in step {target.step}, and in no step {chosen.step}")
    name = next(iter(goals)) if chosen.goal is None and len(goals) == 1 else chosen.goal
    if name not in goals:
        said = (
            "the goal is written with the prompt, and the study has several"
            if name is None
            else f'"{name}" is no goal of the study'
        )
        raise NotApplied(f"{said}: name one with --goal {' | '.join(goals)}{nearest(name or '', goals)}")
    text = with_goal(prompt, goals[name])
    own = set(target.replaced.findall(steps(read(measured))[target.step].statics[target.part - 1].value))
    if strange := [one for one in dict.fromkeys(target.replaced.findall(text)) if one not in own]:
        raise NotApplied(
            f"the prompt has {', '.join(strange)[:300]}, which the pipeline would replace by something else; it was "
            "measured as a part of type: file, which is left as it is: make it one by hand"
        )
    return target.step, target.part, text


def _before_variable(
    file: Path, content: str, measured: str, prompt: str, variable: str, chosen: Chosen
) -> tuple[str, int, str]:
    """What was measured came after the static part, at the head of the variable: it goes to that part's end."""
    if chosen.goal is not None:
        raise NotApplied(f"leave --goal out: the goal stays the value of {{{{{variable}}}}}, and is not written")
    known = {name: step for name, step in steps(read(measured)).items() if _variable(step, variable) is not None}
    name = next(iter(known)) if chosen.step is None and len(known) == 1 else chosen.step
    if name not in known:
        said = (
            "no step does"
            if not known
            else "several steps take the prompt"
            if name is None
            else f'step "{name}" takes no prompt'
        )
        names = f": name one with --step {' | '.join(known)}{nearest(name or '', known)}" if known else ""
        raise NotApplied(f"{said} by a part {{type: variable, name: {variable}}} in {file}{names}")
    part = _variable(known[name], variable)
    if not part:
        raise NotApplied(
            f"step {name} has no static part right before its variable {variable}, for the prompt to go to: write one, "
            'with content: "", and run the study again'
        )
    before = known[name].statics[part - 1].value
    own = before.rstrip("\n")
    text = (f"{own}\n\n" if own else "") + prompt + HEADING.rstrip("\n") + "\n"
    now = steps(read(content)).get(name)
    # The prompt stands behind the user's own text: written with the old one, it would undo what they changed of it.
    if now is not None and (_variable(now, variable) != part or now.statics[part - 1].value not in (before, text)):
        raise NotApplied(
            f"the text before {{{{{variable}}}}} in step {name} of {file} was changed since it was measured: "
            "run the study again, so that the prompt is measured behind that text"
        )
    return name, part, text


def _variable(step: Step, variable: str) -> int | None:
    """The number of the static part right before the prompt's variable, 0 without one; None without a variable."""
    parts = value(step.node, "prompt")
    number, last = 0, False
    for part in parts.value if isinstance(parts, yaml.SequenceNode) else []:
        kind, name = (getattr(value(part, key), "value", None) for key in ("type", "name"))
        if kind == "variable" and name == variable:
            return number if last else 0
        last = kind == "static" and isinstance(value(part, "content"), yaml.ScalarNode)
        number += last
    return None
