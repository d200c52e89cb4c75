"""Reads a study file into one frozen `Study`, or says everything that is wrong with it, each with its line."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import Problem, StudyError
from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES
from workbench.fields import KeyPath, dotted, kind, nearest, short
from workbench.judging.judge import judging_providers
from workbench.judging.template import check_template, default_template
from workbench.nouns import Goal, Model, Study
from workbench.providers import KNOWN, ProviderName
from workbench.search.catalogue import OPTIMIZERS
from workbench.study import yaml_lines
from workbench.study.form import StudyForm, form_of, message, own_keys, runtimes_with
from workbench.study.yaml_lines import YamlFile

TEXT_BYTES = 1_000_000


def load(path: Path, overrides: Mapping[str, object] | None = None) -> Study:
    """Read and check a study.

    Args:
        overrides: values from the command line, by key; they are checked as the file's are.

    Raises:
        StudyError: all problems of the file and of the overrides at once.
    """
    file = yaml_lines.read(path)
    given = dict(overrides or {})
    if not isinstance(file.value, dict):
        file.problem((), f"expected keys such as study, goals and budget, not {kind(file.value)}")
        raise StudyError(file.problems)
    file.value.update(given)
    runtime = _runtime(file, given)
    form = _form(file, given, runtime)
    _known_words(file, given)
    _names_differ(file)
    _enough_budget(file, given)
    study = None
    if form is None:
        # All that is wrong is said at once: files are looked for even where something else is wrong.
        _files_there(file, runtime)
    else:
        study = _study(form, file, runtime)
    if file.problems or study is None:
        raise StudyError(_sorted(file.problems))
    return study


def _runtime(file: YamlFile, given: Mapping[str, object]) -> str:
    """Return the runtime's word, and the default if the file's word is not known, which is then a problem."""
    word = file.value.get("runtime", DEFAULT_RUNTIME)
    if not isinstance(word, str):
        return DEFAULT_RUNTIME
    if word in RUNTIMES:
        return word
    expected = f"expected one of {', '.join(RUNTIMES)}{nearest(word, RUNTIMES)}"
    _add(file, ("runtime",), f"{short(word)} is not known; {expected}", given)
    return DEFAULT_RUNTIME


def _form(file: YamlFile, given: Mapping[str, object], runtime: str) -> StudyForm | None:
    """Return the file's keys as a form, None if they do not fit it."""
    values = {key: value for key, value in file.value.items() if value or not _foreign(key, runtime)}
    try:
        return form_of(runtime).model_validate(values)
    except ValidationError as error:
        for one in error.errors():
            # A union is reported once for each of its members.
            path = tuple(part for part in one["loc"] if part in _parts(one["loc"]))
            if runtime == file.value.get("runtime", DEFAULT_RUNTIME) or not runtimes_with(str(path[0] if path else "")):
                _add(file, path, message(one, path, runtime), given)
        return None


def _foreign(key: str, runtime: str) -> bool:
    """Return whether only other runtimes take this key."""
    return key not in own_keys(runtime) and bool(runtimes_with(key))


def _parts(loc: tuple[int | str, ...]) -> set[int | str]:
    """Return those parts of pydantic's location that are the file's: the names of a union's members are not."""
    return {part for part in loc if not (isinstance(part, str) and re.match(r"(constrained-str|list\[|str$)", part))}


def _study(form: StudyForm, file: YamlFile, runtime: str) -> Study | None:
    """Return the study with its files read; None if one cannot be read, which is then a problem."""
    goals = [_goal(form, file, index) for index in range(len(form.goals))]
    pipeline = RUNTIMES[runtime].configure(runtime, form, file)
    template = _template(form, file)
    if file.problems or template is None:
        return None
    return Study(
        file=file.file.absolute(),
        name=form.study,
        goals=tuple(goals),
        pipeline=replace(pipeline, timeout_seconds=form.timeout),
        program=form.program,
        prompt=form.prompt.strip(),
        optimizer=form.optimizer,
        proposer=_model(form.proposer.model, form.proposer.temperature),
        judge=_model(form.judge.model, form.judge.temperature),
        template=template,
        passing=form.passing,
        budget=form.budget,
        confirm=form.confirm,
        concurrency=form.concurrency,
        seed=form.seed,
    )


def _goal(form: StudyForm, file: YamlFile, index: int) -> Goal:
    goal, path = form.goals[index], ("goals", index, "gold")
    if isinstance(goal.gold, str):
        names: dict[KeyPath, str] = {path: goal.gold}
    else:
        names = {(*path, number): name for number, name in enumerate(goal.gold)}
    if not names:
        file.problem(path, f"goals[{index}].gold: expected at least one")
    texts = [file.text(place, file.folder / name, TEXT_BYTES) for place, name in names.items()]
    return Goal(goal.name, goal.goal.strip(), tuple(text or "" for text in texts))


def _template(form: StudyForm, file: YamlFile) -> str | None:
    """Return the text of the judge's template."""
    name, path = form.judge.template, ("judge", "template")
    if name is None:
        return default_template()
    text = file.text(path, file.folder / name, TEXT_BYTES)
    if text is not None and (problem := check_template(text)):
        file.problem(path, f"judge.template: {problem}")
    return text


def _known_words(file: YamlFile, given: Mapping[str, object]) -> None:
    word = file.value.get("optimizer")
    if isinstance(word, str) and word not in OPTIMIZERS:
        expected = f"expected one of {', '.join(OPTIMIZERS)}{nearest(word, OPTIMIZERS)}"
        _add(file, ("optimizer",), f"{short(word)} is not known; {expected}", given)
    judge = file.value.get("judge")
    model = judge.get("model") if isinstance(judge, dict) else None
    provider = model.partition("/")[0] if isinstance(model, str) else ""
    if provider in KNOWN and provider not in (known := judging_providers()):
        file.problem(
            ("judge", "model"), f"judge.model: {short(model)} cannot judge; expected a {' or '.join(known)} model"
        )


def _goals(file: YamlFile) -> list[tuple[int, dict[str, Any]]]:
    """Return the goals that are there, whatever else is wrong with them."""
    goals = file.value.get("goals")
    return [(n, one) for n, one in enumerate(goals) if isinstance(one, dict)] if isinstance(goals, list) else []


def _names_differ(file: YamlFile) -> None:
    first: dict[str, int] = {}
    for index, goal in _goals(file):
        name = goal.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = file.line(("goals", first[name], "name"))
            said = f'goals[{index}].name: "{name}" is the name of the goal in line {line} too'
            file.problem(("goals", index, "name"), said)


def _enough_budget(file: YamlFile, given: Mapping[str, object]) -> None:
    budget, optimizer, goals = file.value.get("budget"), file.value.get("optimizer"), len(_goals(file))
    if isinstance(budget, int) and isinstance(optimizer, str) and optimizer in OPTIMIZERS and goals:
        least = OPTIMIZERS[optimizer].least(goals)
        if 1 <= budget < least:
            many = f"{goals} goal{'s' if goals > 1 else ''}"
            said = f"{budget} executions are too few: {optimizer} needs at least {least} for {many}"
            _add(file, ("budget",), said, given)


def _files_there(file: YamlFile, runtime: str) -> None:
    """Look for the files that are named in a study which has other mistakes as well."""
    with contextlib.suppress(ValidationError):
        keys = {key: value for key, value in file.value.items() if key in own_keys(runtime)}
        RUNTIMES[runtime].configure(runtime, RUNTIMES[runtime].Keys.model_validate(keys), file)
    for index, goal in _goals(file):
        gold, path = goal.get("gold"), ("goals", index, "gold")
        names = {(*path, number): name for number, name in enumerate(gold)} if isinstance(gold, list) else {path: gold}
        for place, name in names.items():
            if isinstance(name, str) and name.strip():
                file.text(place, file.folder / name, TEXT_BYTES)


def _add(file: YamlFile, place: KeyPath, message: str, given: Mapping[str, object]) -> None:
    """To the line of the file, or to the option of the command line that the value came from."""
    if place and place[0] in given:
        said = message.removeprefix(f"{place[0]}: ")
        file.problems.append(Problem(Path(f"--{place[0]}"), None, said))
    else:
        said = message if message.startswith(dotted(place)) else f"{dotted(place)}: {message}"
        file.problem(place, said)


def _sorted(problems: Iterable[Problem]) -> list[Problem]:
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda problem: problem.line if problem.line is not None else math.inf)


def _model(name: str, temperature: float) -> Model:
    provider, _, model = name.partition("/")
    known: dict[str, ProviderName] = {one: one for one in KNOWN}
    return Model(known[provider], model, temperature)
