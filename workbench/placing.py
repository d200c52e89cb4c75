"""What of a run's winner is written where (docs/decisions/0007): the pipeline has to do what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from workbench.errors import NotApplied
from workbench.execution.variant import interpolated
from workbench.runs import RunFolder
from workbench.search.candidate import HEADING, addressed
from workbench.steps import Step, document, steps, value
from workbench.study_form import nearest

#: The variable that our own runtime gives the prompt in.
VARIABLE = "user_prompt"


@dataclass(frozen=True)
class Chosen:
    """What a person says where a run leaves it open: names of a step and of a goal."""

    step: str | None = None
    goal: str | None = None


@dataclass(frozen=True)
class Place:
    """This text becomes that static part (from 1) of that step."""

    file: Path
    step: str
    part: int
    text: str


def place(run: RunFolder, chosen: Chosen) -> Place:
    """
    Raises:
        NotApplied: the winner has no place in a pipeline file, or it is not clear which.
    """
    about: dict[str, Any] = run.read_json("run.json")
    if "pipeline" not in about:
        raise NotApplied(
            f"{run.name} did not keep the pipeline that it measured: run the study again, nothing is paid twice"
        )
    prompt = (run.path / "best_prompt.md").read_bytes().decode()
    if about["program"] == "writer":
        raise NotApplied(
            "with program: writer the prompt is for the model that writes prompts, and stands in no pipeline file; "
            f"workbench generate {run.name} has it write one"
        )
    file = Path(about["pipeline"])
    if not file.is_file():
        raise NotApplied(f"{file} is not there any more")
    measured = (run.path / "pipeline.yaml").read_bytes().decode()
    if about["target"] is not None:
        return _in_target(about, file, measured, prompt, chosen)
    if about["runtime"] == "pipeline_ex":
        raise NotApplied(
            "the study's prompt is the request of mix pipeline.generate.live, and stands in no pipeline file: give it "
            f"{run.path / 'best_prompt.md'}, or name a step of a file as the study's target"
        )
    return _before_variable(file, measured, prompt, chosen)


def _in_target(about: dict[str, Any], file: Path, measured: str, prompt: str, chosen: Chosen) -> Place:
    """What was measured is the whole of it: the candidate and the goal are that part's text."""
    target, goals = about["target"], {goal["name"]: goal["text"] for goal in about["goals"]}
    if chosen.step not in (None, target["step"]):
        raise NotApplied(f"the run measured its prompt in step {target['step']}, and in no step {chosen.step}")
    name = chosen.goal or (next(iter(goals)) if len(goals) == 1 else None)
    if name not in goals:
        said = (
            f'"{name}" is no goal of the study'
            if name
            else "the goal is written with the prompt, and the study has several"
        )
        raise NotApplied(f"{said}: name one with --goal {' | '.join(goals)}{nearest(name or '', goals)}")
    text = addressed(prompt, goals[name])
    own = interpolated(steps(document(measured))[target["step"]].statics[target["part"] - 1].value)
    if strange := [one for one in interpolated(text) if one not in own]:
        raise NotApplied(
            f"the prompt has {', '.join(strange)[:300]}, which the pipeline would replace by something else; it was "
            "measured as a part of type: file, which is left as it is: make it one by hand"
        )
    return Place(file, target["step"], target["part"], text)


def _before_variable(file: Path, measured: str, prompt: str, chosen: Chosen) -> Place:
    """What was measured came after the static part, at the head of the variable: it goes to that part's end."""
    known = {name: step for name, step in steps(document(measured)).items() if _variable(step) is not None}
    name = chosen.step or (next(iter(known)) if len(known) == 1 else None)
    if name not in known:
        said = (
            f'step "{name}" takes no prompt' if name else "several steps take the prompt" if known else "no step does"
        )
        names = f": name one with --step {' | '.join(known)}{nearest(name or '', known)}" if known else ""
        raise NotApplied(f"{said} by a part {{type: variable, name: {VARIABLE}}} in {file}{names}")
    part = _variable(known[name])
    if not part:
        raise NotApplied(
            f"step {name} has no static part right before its variable {VARIABLE}, for the prompt to go to: write one, "
            'with content: "", and run the study again'
        )
    before = known[name].statics[part - 1].value.rstrip("\n")
    return Place(file, name, part, (f"{before}\n\n" if before else "") + prompt + HEADING.rstrip("\n") + "\n")


def _variable(step: Step) -> int | None:
    """The number of the static part right before the prompt's variable, 0 without one; None without a variable."""
    parts = value(step.node, "prompt")
    number, last = 0, False
    for part in parts.value if isinstance(parts, yaml.SequenceNode) else []:
        kind, name = (getattr(value(part, key), "value", None) for key in ("type", "name"))
        if kind == "variable" and name == VARIABLE:
            return number if last else 0
        last = kind == "static" and isinstance(value(part, "content"), yaml.ScalarNode)
        number += last
    return None
