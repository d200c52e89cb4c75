"""The form of a study file, and what is said about a value that does not fit it."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workbench.providers import KNOWN
from workbench.study.yaml_lines import Place

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
ADDRESS = r"^https?://[^\s/?#@]+$"
MODEL = rf"^({'|'.join(KNOWN)})/[A-Za-z0-9][A-Za-z0-9_.:@-]*$"

#: What a pattern stands for, in words.
EXPECTED = {
    NAME: "a name of letters, digits, - _ and .",
    ADDRESS: "an address such as http://host:4100",
    MODEL: "PROVIDER/MODEL, such as gemini/gemini-2.5-flash",
}

Name = Annotated[str, StringConstraints(pattern=NAME)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS)]
Text = Annotated[str, StringConstraints(pattern=r"\S")]
ModelName = Annotated[str, StringConstraints(pattern=MODEL)]
Heat = Annotated[float, Field(ge=0, le=2)]


class _File(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class GoalForm(_File):
    name: Name
    goal: Text
    gold: Text | list[Text]


class TargetForm(_File):
    pipeline: Text
    step: Text
    output: Text | None = None
    part: Annotated[int, Field(ge=1, le=1000)] = 1


class _Proposer(_File):
    model: ModelName = "gemini/gemini-2.5-flash"
    temperature: Heat = 1.0


class _Judge(_File):
    model: ModelName = "gemini/gemini-2.5-pro"
    temperature: Heat = 0.0
    template: Text | None = None


class StudyForm(_File):
    study: Name
    goals: Annotated[list[GoalForm], Field(min_length=1)]
    runtime: str = "mix"
    runtime_url: Address | None = None
    checkout: Text | None = None
    target: TargetForm | None = None
    pipeline: Text | None = None
    inputs: dict[str, Text] = Field(default_factory=dict)
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 900.0
    program: Literal["direct", "writer"] = "direct"
    prompt: Text = "Write the plan that the goal asks for."
    optimizer: str
    proposer: _Proposer = _Proposer()
    judge: _Judge = _Judge()
    passing: Annotated[float, Field(ge=0, le=10, alias="pass")] = 8.0
    budget: Annotated[int, Field(ge=1, le=100_000)]
    confirm: Annotated[int, Field(ge=3, le=1000)] = 3
    concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0


def message(error: Any, place: Place) -> str:
    name, wrong, context = dotted(place), error["type"], error.get("ctx", {})
    got = f"{short(error['input'])}" if wrong != "missing" else ""
    match wrong:
        case "extra_forbidden":
            known = _keys(place[:-1])
            return f"{name}: this key is not known; expected one of {', '.join(known)}{nearest(str(place[-1]), known)}"
        case "missing":
            return f"{name}: this key is missing"
        case "literal_error":
            known = re.findall(r"'([^']+)'", context["expected"])
            return f"{name}: {got} is not known; expected {' or '.join(known)}{nearest(str(error['input']), known)}"
        case "string_pattern_mismatch" if not error["input"].strip():
            return f"{name}: expected a text, got an empty one"
        case "string_pattern_mismatch":
            return f"{name}: {got} is not {EXPECTED.get(context['pattern'], context['pattern'])}"
        case "tooshort":
            return f"{name}: expected at least one"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{name}: {got} is out of range; {error['msg'].replace('Input should be', 'expected').lower()}"
        case "finite_number":
            return f"{name}: {got} is not a finite number"
        case _:
            expected = error["msg"].removeprefix("Input should be ").replace("valid ", "")
            return f"{name}: expected {_plain(expected)}, got {kind(error['input'])} {got}".rstrip()


def _keys(place: Place) -> list[str]:
    models: dict[str, type[BaseModel]] = {
        "goals": GoalForm,
        "proposer": _Proposer,
        "judge": _Judge,
        "target": TargetForm,
    }
    model = models.get(str(place[0]), StudyForm) if place else StudyForm
    return [field.alias or name for name, field in model.model_fields.items()]


def nearest(word: str, known: Collection[str]) -> str:
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def dotted(place: Place) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")


def short(value: object) -> str:
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    return text if len(text) <= 60 else f"{text[:57]}…"


def kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "keys"}
    return kinds.get(type(value), "nothing" if value is None else "something else")


def _plain(expected: str) -> str:
    words = {"a string": "a text", "a integer": "a whole number", "a dictionary": "keys with values"}
    return next((plain for word, plain in words.items() if expected.startswith(word)), expected)
