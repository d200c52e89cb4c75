"""Checks what the form of a study cannot check: known names, the budget, the models, and the files.

Each check adds a problem to the file for each mistake. A study may have several mistakes, so a value may have any type.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from workbench.errors import Problem
from workbench.evidence.words import plural
from workbench.execution.runtimes import RUNTIMES
from workbench.fields import KeyPath, dotted, nearest, short
from workbench.judging.judge import JUDGES, JudgeEntry
from workbench.nouns import HOLISTIC, Model
from workbench.provider_table import KNOWN
from workbench.providers import takes_temperature
from workbench.search.catalogue import DEFAULT_OPTIMIZER, OPTIMIZERS
from workbench.study.form import own_keys
from workbench.study.yaml_lines import YamlFile

#: The largest size of a file that a study names, in bytes.
TEXT_BYTES = 1_000_000

#: The command-line options whose name differs from the key that they replace.
OPTIONS = {"task_runner": "runner"}


def check_known_words(file: YamlFile, overrides: Mapping[str, object]) -> None:
    """Add a problem if the optimizer or the judge's method is unknown, or if the judge's model cannot judge."""
    word = file.value.get("optimizer")
    if isinstance(word, str) and word not in OPTIMIZERS:
        expected = f"expected one of {', '.join(OPTIMIZERS)}{nearest(word, OPTIMIZERS)}"
        add_problem(file, ("optimizer",), f"{short(word)} is not known; {expected}", overrides)
    judge = file.value.get("judge")
    model, method = (judge.get("model"), judge.get("method")) if isinstance(judge, dict) else (None, None)
    if isinstance(method, str) and method not in JUDGES:
        expected = f"expected one of {', '.join(JUDGES)}{nearest(method, JUDGES)}"
        file.add_problem(("judge", "method"), f"judge.method: {short(method)} is not known; {expected}")
    provider = model.partition("/")[0] if isinstance(model, str) else ""
    if provider in KNOWN and provider not in (known := judge_entry(file).providers):
        expected = f"expected a {' or '.join(sorted(known))} model"
        file.add_problem(("judge", "model"), f"judge.model: {short(model)} cannot judge; {expected}")


def check_goal_names(file: YamlFile) -> None:
    """Add a problem for each goal that has the name of an earlier goal."""
    first_index: dict[str, int] = {}
    for index, goal in _goals(file):
        name = goal.get("name")
        if isinstance(name, str) and first_index.setdefault(name, index) != index:
            line = file.line(("goals", first_index[name], "name"))
            problem = f'goals[{index}].name: the goal in line {line} has the name "{name}" too; expected another name'
            file.add_problem(("goals", index, "name"), problem)


def check_budget(file: YamlFile, overrides: Mapping[str, object]) -> None:
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
            add_problem(file, path, problem, overrides)


def check_files(file: YamlFile, runtime: str) -> None:
    """Add a problem for each file that cannot be read. `load` calls this for a study that does not fit its form."""
    with contextlib.suppress(ValidationError):
        keys = {key: value for key, value in file.value.items() if key in own_keys(runtime)}
        RUNTIMES[runtime].configure(runtime, RUNTIMES[runtime].Keys.model_validate(keys), file)
    for index, goal in _goals(file):
        gold, path = goal.get("gold"), ("goals", index, "gold")
        names = {(*path, number): name for number, name in enumerate(gold)} if isinstance(gold, list) else {path: gold}
        for key_path, name in names.items():
            if isinstance(name, str) and name.strip():
                file.text(key_path, file.folder / name, TEXT_BYTES)


def check_model(file: YamlFile, role: str, model: Model) -> None:
    """Add a problem for each setting that the model's provider refuses.

    Args:
        role: the key of the model's role: "proposer" or "judge".
    """
    if problem := _temperature_problem(model):
        file.add_problem((role, "temperature"), f"{role}.temperature: {problem}")
    if model.api_base is not None and model.provider != "openai":
        problem = f"{model.provider} models have no address of their own; expected a model such as openai/NAME"
        file.add_problem((role, "api_base"), f"{role}.api_base: {problem}")


def _temperature_problem(model: Model) -> str | None:
    """Return why the provider would refuse the model's temperature, or None."""
    temperature, highest = model.temperature, KNOWN[model.provider].highest_temperature
    if temperature is None:
        return None
    if highest is None:
        return f"{model.provider} takes no temperature; leave it out"
    if temperature > highest:
        return f"{temperature:g} is out of range; {model.provider} accepts 0 to {highest:g}"
    if temperature != 1 and not takes_temperature(model.name):
        return f"{model.name} refuses any temperature but 1, got {temperature:g}; leave it out"
    return None


def judge_entry(file: YamlFile) -> JudgeEntry:
    """Return the entry of the study's judge. If the method is missing or unknown, return the default judge's entry."""
    judge = file.value.get("judge")
    method = judge.get("method") if isinstance(judge, dict) else None
    return JUDGES.get(method, JUDGES[HOLISTIC]) if isinstance(method, str) else JUDGES[HOLISTIC]


def add_problem(file: YamlFile, path: KeyPath, message: str, overrides: Mapping[str, object]) -> None:
    """Add a problem at the line of the file, or at the command-line option that the value came from.

    Args:
        path: the key path of the value.
        message: what is wrong. The key path is put before it if the message does not begin with it.
        overrides: the values from the command line, by key.
    """
    option = "dollars" if path == ("budget", "dollars") else path[0] if path else ""
    if option in overrides:
        without_key = message.removeprefix(f"{dotted(path)}: ")
        file.problems.append(Problem(Path(f"--{OPTIONS.get(str(option), option)}"), None, without_key))
    else:
        file.add_problem(path, message if message.startswith(dotted(path)) else f"{dotted(path)}: {message}")


def _goals(file: YamlFile) -> list[tuple[int, dict[str, Any]]]:
    """Return the goals that are mappings, with their indexes. Their keys may be wrong."""
    goals = file.value.get("goals")
    return [(n, goal) for n, goal in enumerate(goals) if isinstance(goal, dict)] if isinstance(goals, list) else []
