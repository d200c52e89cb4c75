"""Reads a study file into one frozen `Study`, or reports all of its mistakes, each with its line."""

from __future__ import annotations

import contextlib
import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.champion.champions import FOLDER
from workbench.errors import Problem, StudyError
from workbench.evidence.words import plural
from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES
from workbench.fields import KeyPath, dotted, kind, nearest, short
from workbench.judging.judge import JUDGES, JudgeEntry
from workbench.judging.template import check_template, default_template
from workbench.nouns import HOLISTIC, Goal, Model, Study
from workbench.providers import HIGHEST_TEMPERATURE, KNOWN, ProviderName, takes_temperature
from workbench.scoring import Length
from workbench.search.catalogue import DEFAULT_OPTIMIZER, OPTIMIZERS
from workbench.study import task_runners, yaml_lines
from workbench.study.form import (
    BudgetForm,
    JudgeForm,
    ProposerForm,
    StudyForm,
    form_of,
    message,
    own_keys,
    runtimes_with,
)
from workbench.study.money import refusals
from workbench.study.yaml_lines import YamlFile

TEXT_BYTES = 1_000_000

#: The command-line options whose name differs from the key that they replace.
OPTIONS = {"task_runner": "runner"}


def load(path: Path, overrides: Mapping[str, object] | None = None) -> Study:
    """Read and check a study.

    Args:
        overrides: values from the command line, by key. They replace the file's values and are checked like them.

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
    _check_known_words(file, overrides)
    _check_goal_names(file)
    _check_budget(file, overrides)
    study = None
    if form is None:
        # All mistakes are reported at once. Therefore files are checked even if something else is wrong.
        _check_files(file, runtime)
    else:
        study = _study(form, file, runtime)
    if study is not None and not file.problems:
        for key_path, problem in task_runners.refusals(study):
            _add_problem(file, key_path, problem, overrides)
    if study is not None and study.dollars is not None and not file.problems:
        for key_path, problem in refusals(study):
            _add_problem(file, key_path, problem, overrides)
    if file.problems or study is None:
        raise StudyError(_sorted(file.problems))
    return study


def _override_budget(file: YamlFile, overrides: Mapping[str, object]) -> None:
    """Replace the number of executions, the number of dollars, or both. The file's other number stays."""
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
    _add_problem(file, ("runtime",), f"{short(word)} is not known; {expected}", overrides)
    return DEFAULT_RUNTIME


def _form(file: YamlFile, overrides: Mapping[str, object], runtime: str) -> StudyForm | None:
    """Return the values of the study, or None if they do not fit the form. Add a problem for each misfit.

    A key of another runtime is ignored if its value is empty.
    """
    values = {key: value for key, value in file.value.items() if value or not _foreign(key, runtime)}
    try:
        return form_of(runtime).model_validate(values)
    except ValidationError as errors:
        for error in errors.errors():
            # Pydantic reports a misfit of a union once for each member. Equal problems are merged later.
            path = tuple(part for part in error["loc"] if part in _file_parts(error["loc"]))
            # If the runtime is unknown, the keys of runtimes cannot be judged.
            if runtime == file.value.get("runtime", DEFAULT_RUNTIME) or not runtimes_with(str(path[0] if path else "")):
                _add_problem(file, path, message(error, path, runtime), overrides)
        return None


def _foreign(key: str, runtime: str) -> bool:
    """Return True if only other runtimes take this key."""
    return key not in own_keys(runtime) and bool(runtimes_with(key))


def _file_parts(loc: tuple[int | str, ...]) -> set[int | str]:
    """Return the parts of pydantic's location that occur in the file. The names of a union's members do not occur."""
    pattern = r"(constrained-str|list\[|budget\[|str$)"
    return {part for part in loc if not (isinstance(part, str) and re.match(pattern, part))}


def _study(form: StudyForm, file: YamlFile, runtime: str) -> Study | None:
    """Return the study with the content of its files. If a file cannot be used, add a problem and return None."""
    goals = _with_twins(_goal(form, file, index) for index in range(len(form.goals)))
    pipeline = RUNTIMES[runtime].configure(runtime, form, file)
    template = _template(form, file)
    _check_model(file, "proposer", form.proposer)
    _check_model(file, "judge", form.judge)
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
        proposer=_model(form.proposer),
        judge=_model(form.judge),
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
    goal, path = form.goals[index], ("goals", index, "gold")
    if isinstance(goal.gold, str):
        names: dict[KeyPath, str] = {path: goal.gold}
    else:
        names = {(*path, number): name for number, name in enumerate(goal.gold)}
    if not names:
        file.add_problem(path, f"goals[{index}].gold: the list is empty; expected at least one file")
    texts = [file.text(key_path, file.folder / name, TEXT_BYTES) for key_path, name in names.items()]
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
    """Return the text of the judge's template. If it cannot be used, add a problem."""
    name, path, entry = form.judge.template, ("judge", "template"), _judge(file)
    if name is None:
        return default_template(entry.template)
    text = file.text(path, file.folder / name, TEXT_BYTES)
    if text is not None and (problem := check_template(text, entry.places)):
        file.add_problem(path, f"judge.template: {problem}")
    return text


def _judge(file: YamlFile) -> JudgeEntry:
    """Return the entry of the study's judge. If its method is unknown, return the entry of the default."""
    judge = file.value.get("judge")
    method = judge.get("method") if isinstance(judge, dict) else None
    return JUDGES.get(method, JUDGES[HOLISTIC]) if isinstance(method, str) else JUDGES[HOLISTIC]


def _check_known_words(file: YamlFile, overrides: Mapping[str, object]) -> None:
    """Add a problem if the optimizer or the judge's method is unknown, or if the judge's model cannot judge."""
    word = file.value.get("optimizer")
    if isinstance(word, str) and word not in OPTIMIZERS:
        expected = f"expected one of {', '.join(OPTIMIZERS)}{nearest(word, OPTIMIZERS)}"
        _add_problem(file, ("optimizer",), f"{short(word)} is not known; {expected}", overrides)
    judge = file.value.get("judge")
    model, method = (judge.get("model"), judge.get("method")) if isinstance(judge, dict) else (None, None)
    if isinstance(method, str) and method not in JUDGES:
        expected = f"expected one of {', '.join(JUDGES)}{nearest(method, JUDGES)}"
        file.add_problem(("judge", "method"), f"judge.method: {short(method)} is not known; {expected}")
    provider = model.partition("/")[0] if isinstance(model, str) else ""
    if provider in KNOWN and provider not in (known := _judge(file).providers):
        expected = f"expected a {' or '.join(sorted(known))} model"
        file.add_problem(("judge", "model"), f"judge.model: {short(model)} cannot judge; {expected}")


def _check_model(file: YamlFile, role: str, form: ProposerForm | JudgeForm) -> None:
    """Add a problem for each setting that the model's provider refuses."""
    provider = _model(form).provider
    if problem := _temperature_problem(form, provider):
        file.add_problem((role, "temperature"), f"{role}.temperature: {problem}")
    if form.api_base is not None and provider != "openai":
        problem = f"{provider} models have no address of their own; expected a model such as openai/NAME"
        file.add_problem((role, "api_base"), f"{role}.api_base: {problem}")


def _temperature_problem(form: ProposerForm | JudgeForm, provider: ProviderName) -> str | None:
    """Return why the provider would refuse the temperature, or None."""
    temperature, highest, name = form.temperature, HIGHEST_TEMPERATURE[provider], _model(form).name
    if temperature is None:
        return None
    if highest is None:
        return f"{provider} takes no temperature; leave it out"
    if temperature > highest:
        return f"{temperature:g} is out of range; {provider} accepts 0 to {highest:g}"
    if temperature != 1 and not takes_temperature(name):
        return f"{name} refuses any temperature but 1, got {temperature:g}; leave it out"
    return None


def _goals(file: YamlFile) -> list[tuple[int, dict[str, Any]]]:
    """Return the goals that are mappings, with their indexes. Their keys may be wrong."""
    goals = file.value.get("goals")
    return [(n, goal) for n, goal in enumerate(goals) if isinstance(goal, dict)] if isinstance(goals, list) else []


def _check_goal_names(file: YamlFile) -> None:
    """Add a problem for each goal that has the name of an earlier goal."""
    first: dict[str, int] = {}
    for index, goal in _goals(file):
        name = goal.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = file.line(("goals", first[name], "name"))
            problem = f'goals[{index}].name: the goal in line {line} has the name "{name}" too; expected another name'
            file.add_problem(("goals", index, "name"), problem)


def _check_budget(file: YamlFile, overrides: Mapping[str, object]) -> None:
    """Add a problem if the budget is too small for the optimizer and the number of goals."""
    budget, goals = file.value.get("budget"), len(_goals(file))
    optimizer = file.value.get("optimizer", DEFAULT_OPTIMIZER)
    path: KeyPath = ("budget",)
    if isinstance(budget, dict):
        budget, path = budget.get("executions"), ("budget", "executions")
    if isinstance(budget, int) and isinstance(optimizer, str) and optimizer in OPTIMIZERS and goals:
        least = OPTIMIZERS[optimizer].least(goals)
        if 1 <= budget < least:
            few = f"{plural(budget, 'execution')} {'is' if budget == 1 else 'are'} too few"
            problem = f"{few}: {optimizer} needs at least {least} for {plural(goals, 'goal')}"
            _add_problem(file, path, problem, overrides)


def _check_files(file: YamlFile, runtime: str) -> None:
    """Add a problem for each file that cannot be read, in a study that has other mistakes as well."""
    with contextlib.suppress(ValidationError):
        keys = {key: value for key, value in file.value.items() if key in own_keys(runtime)}
        RUNTIMES[runtime].configure(runtime, RUNTIMES[runtime].Keys.model_validate(keys), file)
    for index, goal in _goals(file):
        gold, path = goal.get("gold"), ("goals", index, "gold")
        names = {(*path, number): name for number, name in enumerate(gold)} if isinstance(gold, list) else {path: gold}
        for key_path, name in names.items():
            if isinstance(name, str) and name.strip():
                file.text(key_path, file.folder / name, TEXT_BYTES)


def _add_problem(file: YamlFile, path: KeyPath, message: str, overrides: Mapping[str, object]) -> None:
    """Add a problem at the line of the file, or at the command-line option that the value came from."""
    option = "dollars" if path == ("budget", "dollars") else path[0] if path else ""
    if option in overrides:
        without_key = message.removeprefix(f"{dotted(path)}: ")
        file.problems.append(Problem(Path(f"--{OPTIONS.get(str(option), option)}"), None, without_key))
    else:
        file.add_problem(path, message if message.startswith(dotted(path)) else f"{dotted(path)}: {message}")


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems without duplicates, in the order of their lines. Problems without a line come last."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: problem.line if problem.line is not None else math.inf)


def _model(form: ProposerForm | JudgeForm) -> Model:
    provider, _, model = form.model.partition("/")
    provider_names: dict[str, ProviderName] = {name: name for name in KNOWN}
    return Model(provider_names[provider], model, form.temperature, form.api_base)
