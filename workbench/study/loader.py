"""Reads a study file into one frozen `Study`, or reports all of its mistakes, each with its line."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

from workbench.champion.champions import FOLDER
from workbench.errors import Problem, StudyError
from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES
from workbench.fields import KeyPath, kind, nearest, short
from workbench.judging.template import check_template, default_template
from workbench.nouns import Goal, Model, Study
from workbench.provider_table import KNOWN, ProviderName
from workbench.scoring import Length
from workbench.study import checks, money, task_runners, yaml_lines
from workbench.study.form import BudgetForm, JudgeForm, ProposerForm, StudyForm, form_of, own_keys, runtimes_with
from workbench.study.misfit import message
from workbench.study.yaml_lines import YamlFile


def load(path: Path, overrides: Mapping[str, object] | None = None, *, calibrates: bool = False) -> Study:
    """Read and check a study.

    Args:
        overrides: values from the command line, by key. They replace the file's values and are checked like them.
        calibrates: only the judge is calibrated, for which a smaller budget is enough.

    Raises:
        StudyError: the file or the overrides have mistakes. The error holds all of them.
    """
    file = yaml_lines.read(path)
    overrides = dict(overrides or {})
    if not isinstance(file.value, dict):
        file.add_problem((), f"expected keys such as study, goals and budget, not {kind(file.value)}")
        raise StudyError(file.problems)
    file.value.update({key: value for key, value in overrides.items() if key not in ("budget", "dollars")})
    _override_budget(file, overrides)
    runtime = _runtime(file, overrides)
    form = _form(file, overrides, runtime)
    checks.check_known_words(file, overrides)
    checks.check_goal_names(file)
    if not calibrates:
        checks.check_budget(file, overrides)
    study = None
    if form is None:
        # All mistakes are reported at once. Therefore files are checked even if something else is wrong.
        checks.check_files(file, runtime)
    else:
        study = _study(form, file, runtime)
    if study is not None and not file.problems:
        # A study whose task runner cannot be used is not priced.
        refusals = list(task_runners.refusals(study)) or list(money.refusals(study, calibrates=calibrates))
        for key_path, problem in refusals:
            checks.add_problem(file, key_path, problem, overrides)
    if file.problems or study is None:
        raise StudyError(_sorted(file.problems))
    return study


def _override_budget(file: YamlFile, overrides: Mapping[str, object]) -> None:
    """Put the overrides `budget` (executions) and `dollars` into the file's budget. A number without one stays.

    A budget in the file is a number of executions, or keys for executions and dollars.
    """
    budget = file.value.get("budget")
    if "dollars" not in overrides and not ("budget" in overrides and isinstance(budget, dict)):
        file.value.update({key: value for key, value in overrides.items() if key == "budget"})
        return
    numbers = dict(budget) if isinstance(budget, dict) else {} if budget is None else {"executions": budget}
    for option, key in (("budget", "executions"), ("dollars", "dollars")):
        if option in overrides:
            numbers[key] = overrides[option]
    file.value["budget"] = numbers


def _runtime(file: YamlFile, overrides: Mapping[str, object]) -> str:
    """Return the name of the study's runtime. If it is unknown, add a problem and return the default runtime."""
    word = file.value.get("runtime", DEFAULT_RUNTIME)
    if not isinstance(word, str):
        return DEFAULT_RUNTIME
    if word in RUNTIMES:
        return word
    expected = f"expected one of {', '.join(RUNTIMES)}{nearest(word, RUNTIMES)}"
    checks.add_problem(file, ("runtime",), f"{short(word)} is not known; {expected}", overrides)
    return DEFAULT_RUNTIME


def _form(file: YamlFile, overrides: Mapping[str, object], runtime: str) -> StudyForm | None:
    """Return the form with the values of the study. If they do not fit, add a problem for each misfit and return None.

    A key of another runtime is ignored if its value is empty.
    """
    values = {key: value for key, value in file.value.items() if value or not _foreign(key, runtime)}
    try:
        return form_of(runtime).model_validate(values)
    except ValidationError as errors:
        for error in errors.errors():
            # Pydantic reports a misfit of a union once for each member. Equal problems are merged later.
            path = tuple(part for part in error["loc"] if part in _file_parts(error["loc"]))
            # If the runtime is unknown, nobody knows whether a key that some runtime takes is right.
            if runtime == file.value.get("runtime", DEFAULT_RUNTIME) or not runtimes_with(str(path[0] if path else "")):
                checks.add_problem(file, path, message(error, path, runtime), overrides)
        return None


def _foreign(key: str, runtime: str) -> bool:
    """Return True if only other runtimes take this key."""
    return key not in own_keys(runtime) and bool(runtimes_with(key))


def _file_parts(loc: tuple[int | str, ...]) -> set[int | str]:
    """Return the parts of pydantic's location that occur in the file. Pydantic adds names of a union's members."""
    pattern = r"(constrained-str|list\[|budget\[|str$)"
    return {part for part in loc if not (isinstance(part, str) and re.match(pattern, part))}


def _study(form: StudyForm, file: YamlFile, runtime: str) -> Study | None:
    """Return the study with the content of its files. If a file cannot be used, add a problem and return None."""
    goals = _with_twins(_goal(form, file, index) for index in range(len(form.goals)))
    pipeline = RUNTIMES[runtime].configure(runtime, form, file)
    template = _template(form, file)
    proposer, judge = _model(form.proposer), _model(form.judge)
    checks.check_model(file, "proposer", proposer)
    checks.check_model(file, "judge", judge)
    if file.problems or template is None:
        return None
    budget = form.budget if isinstance(form.budget, BudgetForm) else BudgetForm(executions=form.budget)
    return Study(
        file=file.file.absolute(),
        name=form.study,
        goals=goals,
        pipeline=replace(pipeline, timeout_seconds=form.timeout),
        program=form.program,
        prompt=form.prompt.strip(),
        optimizer=form.optimizer,
        proposer=proposer,
        judge=judge,
        template=template,
        method=form.judge.method,
        calls=form.judge.calls,
        passing=form.passing,
        budget=budget.executions,
        dollars=budget.dollars,
        confirm=form.confirm,
        concurrency=form.concurrency,
        seed=form.seed,
        task_runner=task_runners.parse(form.task_runner),
        promote=form.promote,
        calibrate=form.calibrate,
        length=None if form.length is None else Length(form.length.free, form.length.per_100_words),
        margin=form.margin,
        model_timeout=form.model_timeout,
        champions=file.folder / FOLDER / form.study,
    )


def _goal(form: StudyForm, file: YamlFile, index: int) -> Goal:
    """Return the goal with the texts of its gold plans. For a file that cannot be used, add a problem."""
    goal, path = form.goals[index], ("goals", index, "gold")
    if isinstance(goal.gold, str):
        names: dict[KeyPath, str] = {path: goal.gold}
    else:
        names = {(*path, number): name for number, name in enumerate(goal.gold)}
    if not names:
        file.add_problem(path, f"goals[{index}].gold: the list is empty; expected at least one file")
    texts = [file.text(key_path, file.folder / name, checks.TEXT_BYTES) for key_path, name in names.items()]
    return Goal(goal.name, goal.goal.strip(), tuple(text or "" for text in texts))


def _with_twins(goals: Iterable[Goal]) -> tuple[Goal, ...]:
    """Return the goals, each with the number of earlier goals that have the same text and gold plans."""
    earlier: Counter[tuple[str, tuple[str, ...]]] = Counter()
    numbered = []
    for goal in goals:
        numbered.append(replace(goal, twin=earlier[goal.text, goal.gold]))
        earlier[goal.text, goal.gold] += 1
    return tuple(numbered)


def _template(form: StudyForm, file: YamlFile) -> str | None:
    """Return the text of the judge's template. For a template that cannot be used, add a problem.

    The text is None if the file cannot be read.
    """
    name, path, entry = form.judge.template, ("judge", "template"), checks.judge_entry(file)
    if name is None:
        return default_template(entry.template)
    text = file.text(path, file.folder / name, checks.TEXT_BYTES)
    if text is not None and (problem := check_template(text, entry.places)):
        file.add_problem(path, f"judge.template: {problem}")
    return text


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems without duplicates, in the order of their lines. Problems without a line come last."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: problem.line if problem.line is not None else math.inf)


def _model(form: ProposerForm | JudgeForm) -> Model:
    """Return the model that a role names."""
    provider, _, model = form.model.partition("/")
    provider_names: dict[str, ProviderName] = {name: name for name in KNOWN}
    return Model(provider_names[provider], model, form.temperature, form.api_base)
