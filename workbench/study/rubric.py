"""Reads and writes the rubric of a study: a YAML file beside the study, which a person may edit.

`workbench rubric` writes the file. No run ever does.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import Field, ValidationError

from workbench.errors import OutputFailed, StudyError, UserError
from workbench.fields import Form, KeyPath, Text, dotted, key_names, kind, misfit, nearest, short
from workbench.judging.drawing import LARGEST_WEIGHT, MOST_CRITERIA
from workbench.judging.judge import JUDGES
from workbench.nouns import Study
from workbench.scoring import Criterion
from workbench.study import yaml_lines
from workbench.study.yaml_lines import YamlFile
from workbench.system.files import write_atomically

#: The value of `drawn_by` if a scripted model drew the criteria.
DRAWN_IN_REHEARSAL = "rehearsal"
HEADER = """\
# The rubric of the study {study}: what the judge asks of every plan, for each goal. A plan's score is the weighted
# share of the criteria that it meets, from 0 to 10, and "partly" counts half. Edit the file as you like: leave out
# criteria, add your own, change the weights. A change buys new verdicts.
"""


class CriterionForm(Form):
    """One criterion."""

    name: Text
    question: Text
    weight: Annotated[float, Field(gt=0, le=LARGEST_WEIGHT)] = 1.0


class RubricForm(Form):
    """The content of the file. `drawn_by` is the model that drew the criteria, for people."""

    drawn_by: Text | None = None
    goals: dict[str, Annotated[list[CriterionForm], Field(min_length=1, max_length=2 * MOST_CRITERIA)]]


def needs_rubric(study: Study) -> bool:
    """Return True if the study's judge needs a rubric."""
    return JUDGES[study.method].rubric


def with_rubric(study: Study) -> Study:
    """Return the study with the criteria of its rubric. Return it unchanged if it needs no rubric or has no file.

    Raises:
        StudyError: the file has mistakes. The error holds all of them.
    """
    if not needs_rubric(study) or not study.rubric.exists():
        return study
    file = yaml_lines.read(study.rubric)
    form = _form(file)
    if form is not None:
        _check_goals(file, form, study)
    if file.problems or form is None:
        raise StudyError(file.problems)
    criteria = {
        name: tuple(Criterion(c.name.strip(), c.question.strip(), c.weight) for c in criterion_forms)
        for name, criterion_forms in form.goals.items()
    }
    return replace(study, goals=tuple(replace(goal, criteria=criteria[goal.name]) for goal in study.goals))


def require_rubric(study: Study, *, rehearsal: bool) -> None:
    """Check that the judge has the criteria that it needs.

    Args:
        rehearsal: True if scripted models answer. Then a scripted model may have drawn the rubric, too.

    Raises:
        UserError: the rubric does not exist, or a scripted model drew it. The message names the command that draws it.
    """
    if not needs_rubric(study):
        return
    command = f"workbench rubric {shlex.quote(str(study.file))}"
    if not all(goal.criteria for goal in study.goals):
        raise UserError(
            f"{study.rubric} does not exist, and judge.method: {study.method} needs it; expected the rubric of the "
            f"study; draw it with: {command}"
        )
    if not rehearsal and (problem := rehearsal_problem(study)):
        raise UserError(problem)


def rehearsal_problem(study: Study) -> str | None:
    """Return why a run with real models refuses a rubric that a scripted model drew, or None for any other rubric."""
    if not needs_rubric(study) or yaml_lines.read(study.rubric).value.get("drawn_by") != DRAWN_IN_REHEARSAL:
        return None
    return (
        f"{study.rubric}: drawn_by: {DRAWN_IN_REHEARSAL}: a scripted model drew these criteria; expected those of "
        f"a real model or your own; draw them with: workbench rubric {shlex.quote(str(study.file))} --force, or take "
        "drawn_by out if they are yours"
    )


def write_rubric(study: Study, criteria: Mapping[str, tuple[Criterion, ...]], drawn_by: str) -> Path:
    """Write the rubric of a study, and return its file.

    Args:
        criteria: the criteria by the goal's name.
        drawn_by: the model that drew them.

    Raises:
        OutputFailed: the file cannot be written.
    """
    value = {"drawn_by": drawn_by, "goals": {name: to_json(of_goal) for name, of_goal in criteria.items()}}
    text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110, default_flow_style=False)
    try:
        return write_atomically(study.rubric, (HEADER.format(study=study.name) + text).encode())
    except OSError as error:
        raise OutputFailed(
            f"{study.rubric} cannot be written ({error.strerror}); expected a folder that you can write into; mend "
            "that, and run the same command again",
            kind="output",
        ) from error


def to_json(criteria: tuple[Criterion, ...]) -> list[dict[str, Any]]:
    """Return criteria as plain values, in the form of the file and of --json."""
    return [{"name": c.name, "question": c.question, "weight": c.weight} for c in criteria]


def _form(file: YamlFile) -> RubricForm | None:
    """Return the content of the file, or None if it does not fit the form. Each misfit becomes a problem."""
    if not isinstance(file.value, dict):
        file.add_problem((), f"expected the keys drawn_by and goals, not {kind(file.value)}")
        return None
    try:
        return RubricForm.model_validate(file.value)
    except ValidationError as errors:
        for error in errors.errors():
            path: KeyPath = error["loc"]
            file.add_problem(path, f"{dotted(path)}: {_message(error, path)}")
        return None


def _message(error: Any, path: KeyPath) -> str:
    """Return the message about the value at `path`. `error` is one error of pydantic's `ValidationError.errors()`."""
    if error["type"] == "extra_forbidden":
        keys = key_names(CriterionForm if len(path) > 1 else RubricForm)
        return f"this key is not known; expected one of {', '.join(keys)}{nearest(str(path[-1]), keys)}"
    if error["type"] in ("too_short", "too_long"):
        return f"expected 1 to {2 * MOST_CRITERIA} criteria, got {len(error['input'])}"
    return misfit(error)


def _check_goals(file: YamlFile, form: RubricForm, study: Study) -> None:
    """Add a problem for each goal of the study without criteria, each unknown goal, and each name used twice."""
    names = [goal.name for goal in study.goals]
    for name in names:
        if name not in form.goals:
            file.add_problem(("goals",), f'goals: the goal "{name}" of the study has no criteria; add some for it')
    for name, criteria in form.goals.items():
        if name not in names:
            expected = f"expected one of {', '.join(names)}{nearest(name, names)}"
            file.add_problem(("goals", name), f'goals.{name}: the study has no goal "{name}"; {expected}')
        used_names: set[str] = set()
        for number, criterion in enumerate(criteria):
            if criterion.name.strip().lower() in used_names:
                path: KeyPath = ("goals", name, number, "name")
                file.add_problem(path, f"{dotted(path)}: {short(criterion.name)} is used twice; expected another name")
            used_names.add(criterion.name.strip().lower())
