"""Reads a study file into one frozen `Study`, or says everything that is wrong with it, each with its line."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import PipelineUnreadable, Problem, StudyError
from workbench.nouns import Engine, Goal, InputFile, Model, Study
from workbench.pipeline_file.document import FAST_YAML, YAMERL, read
from workbench.pipeline_file.steps import workflow
from workbench.providers import KNOWN, ProviderName
from workbench.study import executed, yaml_lines
from workbench.study.form import StudyForm, dotted, kind, message, nearest, short
from workbench.study.yaml_lines import Marked, Place

GOLD_BYTES = 1_000_000
INPUT_BYTES = 20_000_000


def load(
    path: Path,
    *,
    optimizers: Mapping[str, Callable[[int], int]],
    runtimes: Collection[str],
    template: Callable[[], str],
    check_template: Callable[[str], str | None],
    overrides: Mapping[str, object] | None = None,
) -> Study:
    """Read and check a study.

    Args:
        optimizers: every known name, with the fewest executions that it needs for a number of goals.
        runtimes: every known runtime.
        template: the judge's template where the study names none; check_template says what is wrong with one.
        overrides: values from the command line, by key; they are checked as the file's are.

    Raises:
        StudyError: all problems at once.
    """
    file = yaml_lines.read(path)
    given = dict(overrides or {})
    if not isinstance(file.value, dict):
        file.problem((), f"expected keys such as study, goals and budget, not {kind(file.value)}")
        raise StudyError(file.problems)
    file.value.update(given)
    checked = _checked(file, given)
    executed.keys_fit(file, file.value)
    _known_words(file, given, optimizers, runtimes)
    _url_is_served(file, given)
    _names_differ(file)
    _enough_budget(file, given, optimizers)
    study = None
    if checked is None:
        # All that is wrong is said at once: files are looked for even where something else is wrong.
        _files_there(file, path)
    else:
        study = _study(checked, file, path, template, check_template)
    if file.problems or study is None:
        raise StudyError(_sorted(file.problems))
    return study


def _checked(file: Marked, given: Mapping[str, object]) -> StudyForm | None:
    try:
        checked = StudyForm.model_validate(file.value)
    except ValidationError as error:
        for one in error.errors():
            # A union is reported once for each of its members.
            place = tuple(part for part in one["loc"] if part in _parts(file, one["loc"]))
            _add(file, place, message(one, place), given)
        return None
    return checked


def _parts(file: Marked, loc: tuple[int | str, ...]) -> set[int | str]:
    """Those parts of pydantic's place that are the file's: the names of a union's members are not."""
    return {part for part in loc if not (isinstance(part, str) and re.match(r"(constrained-str|list\[|str$)", part))}


def _study(
    checked: StudyForm,
    file: Marked,
    path: Path,
    template: Callable[[], str],
    check_template: Callable[[str], str | None],
) -> Study | None:
    """The study with its files read; None where one cannot be, which is then among the problems."""
    folder = path.absolute().parent
    goals = []
    for index, goal in enumerate(checked.goals):
        names = [goal.gold] if isinstance(goal.gold, str) else goal.gold
        single = isinstance(goal.gold, str)
        places: list[Place] = [
            ("goals", index, "gold") if single else ("goals", index, "gold", n) for n in range(len(names))
        ]
        if not names:
            file.problem(("goals", index, "gold"), f"goals[{index}].gold: expected at least one")
        texts = [_text(file, place, folder / name, GOLD_BYTES) for place, name in zip(places, names, strict=True)]
        goals.append(Goal(goal.name, goal.goal.strip(), tuple(text or "" for text in texts)))
    inputs = []
    for name, value in checked.inputs.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            file.problem(("inputs", name), f'inputs: "{name}" is not a name of letters, digits and _')
        text = _text(file, ("inputs", name), folder / value, INPUT_BYTES)
        inputs.append(InputFile(name, (folder / value).resolve(), _sha256(text or "")))
    engine, pipeline_path = executed.executed(file, checked, folder)
    pipeline = _pipeline(file, checked, engine, pipeline_path)
    if checked.judge.template is None:
        judged_by: str | None = template()
    else:
        judged_by = _text(file, ("judge", "template"), folder / checked.judge.template, GOLD_BYTES)
        if judged_by is not None and (wrong := check_template(judged_by)):
            file.problem(("judge", "template"), f"judge.template: {wrong}")
    if file.problems or pipeline is None or judged_by is None:
        return None
    return Study(
        file=path.absolute(),
        name=checked.study,
        goals=tuple(goals),
        engine=engine,
        pipeline=pipeline_path,
        pipeline_sha256=_sha256(pipeline),
        pipeline_files=executed.files(pipeline, engine, engine.checkout or pipeline_path.parent),
        inputs=tuple(sorted(inputs, key=lambda item: item.name)),
        timeout=checked.timeout,
        program=checked.program,
        prompt=checked.prompt.strip(),
        optimizer=checked.optimizer,
        proposer=_model(checked.proposer.model, checked.proposer.temperature),
        judge=_model(checked.judge.model, checked.judge.temperature),
        template=judged_by,
        passing=checked.passing,
        budget=checked.budget,
        confirm=checked.confirm,
        concurrency=checked.concurrency,
        seed=checked.seed,
    )


def _pipeline(file: Marked, checked: StudyForm, engine: Engine, path: Path) -> str | None:
    """The pipeline's text, if something names it."""
    if engine.checkout is None:
        text = _text(file, ("pipeline",), path, GOLD_BYTES) if checked.pipeline else None
        try:
            if text is not None and workflow(read(text, FAST_YAML)) is None:
                said = "is no pipeline file; expected YAML with workflow: at its root, and steps: in it"
                file.problem(("pipeline",), f'pipeline: "{checked.pipeline}" {said}')
        except PipelineUnreadable as error:
            file.problem(("pipeline",), f'pipeline: "{checked.pipeline}" is no pipeline file: {error}')
        return text
    if engine.target is None and (engine.checkout / "mix.exs").is_file() and not path.is_file():
        file.problem(("checkout",), f"checkout: there is no {path.name} in it, without which it makes plans of its own")
    if not path.is_file():
        return None
    text = path.read_text(encoding="utf-8", errors="replace")
    if engine.target is None:
        try:
            read(text, YAMERL)
        except PipelineUnreadable as error:
            file.problem(("checkout",), f"checkout: {path.name} in it is no pipeline file: {error}")
    return text


def _known_words(
    file: Marked, given: Mapping[str, object], optimizers: Collection[str], runtimes: Collection[str]
) -> None:
    for key, known in (("optimizer", optimizers), ("runtime", runtimes)):
        word = file.value.get(key)
        if isinstance(word, str) and word not in known:
            expected = f"expected one of {', '.join(known)}{nearest(word, known)}"
            _add(file, (key,), f"{short(word)} is not known; {expected}", given)
    judge = file.value.get("judge")
    model = judge.get("model") if isinstance(judge, dict) else None
    if isinstance(model, str) and model.startswith("anthropic/"):
        file.problem(("judge", "model"), f"judge.model: {short(model)} cannot judge; expected a gemini model")


def _url_is_served(file: Marked, given: Mapping[str, object]) -> None:
    runtime = file.value.get("runtime", "mix")
    if file.value.get("runtime_url") is not None and runtime != "serve":
        said = f"only for a runtime that serves; expected runtime: serve beside it, not {short(runtime)}"
        _add(file, ("runtime_url",), said, given)


def _goals(file: Marked) -> list[tuple[int, dict[str, Any]]]:
    """The goals that are there, whatever else is wrong with them."""
    goals = file.value.get("goals")
    return [(n, one) for n, one in enumerate(goals) if isinstance(one, dict)] if isinstance(goals, list) else []


def _names_differ(file: Marked) -> None:
    first: dict[str, int] = {}
    for index, goal in _goals(file):
        name = goal.get("name")
        if isinstance(name, str) and first.setdefault(name, index) != index:
            line = file.line(("goals", first[name], "name"))
            said = f'goals[{index}].name: "{name}" is the name of the goal in line {line} too'
            file.problem(("goals", index, "name"), said)


def _enough_budget(file: Marked, given: Mapping[str, object], optimizers: Mapping[str, Callable[[int], int]]) -> None:
    budget, optimizer, goals = file.value.get("budget"), file.value.get("optimizer"), len(_goals(file))
    if isinstance(budget, int) and isinstance(optimizer, str) and optimizer in optimizers and goals:
        least = optimizers[optimizer](goals)
        if 1 <= budget < least:
            many = f"{goals} goal{'s' if goals > 1 else ''}"
            said = f"{budget} executions are too few: {optimizer} needs at least {least} for {many}"
            _add(file, ("budget",), said, given)


def _files_there(file: Marked, path: Path) -> None:
    """Files that are named in a study which has other mistakes as well."""
    folder = path.absolute().parent
    value = file.value
    named: list[tuple[Place, Any]] = [(("pipeline",), value.get("pipeline"))]
    if isinstance(value.get("inputs"), dict):
        named += [(("inputs", name), one) for name, one in value["inputs"].items()]
    for index, goal in _goals(file):
        gold = goal.get("gold")
        place: Place = ("goals", index, "gold")
        named += [((*place, n), one) for n, one in enumerate(gold)] if isinstance(gold, list) else [(place, gold)]
    for place, name in named:
        if isinstance(name, str) and name.strip():
            _text(file, place, folder / name, INPUT_BYTES)


def _text(file: Marked, place: Place, named: Path, most: int) -> str | None:
    try:
        return yaml_lines.read_text(named, most)
    except StudyError as error:
        said = error.problems[0].message
        file.problem(place, f'{dotted(place)}: "{_as_given(file, place)}": {said}')
        return None


def _as_given(file: Marked, place: Place) -> str:
    value: Any = file.value
    for part in place:
        value = value[part]
    return str(value if not isinstance(value, list) else value[0])


def _add(file: Marked, place: Place, message: str, given: Mapping[str, object]) -> None:
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


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
