"""Defines the types of the values in a study file, and the words that describe a value that does not fit.

The forms of all packages use these types.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date, datetime
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from workbench.provider_table import DEFAULT_PROPOSER, KNOWN

#: The path of a value: its keys and list indexes, such as ("goals", 0, "gold").
KeyPath = tuple[str | int, ...]

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
ADDRESS = r"^https?://[^\s/?#@]+$"
MODEL = rf"^({'|'.join(KNOWN)})/[A-Za-z0-9][A-Za-z0-9_.:@/+-]*$"
API_BASE = r"^https?://[^\s?#@]+$"
#: threads, or a cluster of processes with or without an address.
TASK_RUNNER = r"^(threads|(dask|ray)(@[a-z]+://[^\s@]+)?)$"
VARIABLE = r"^[A-Za-z_][A-Za-z0-9_]*$"

#: pattern → the description of the values that match the pattern
EXPECTED = {
    NAME: "a name of letters, digits, - _ and .",
    ADDRESS: "an address such as http://host:4100",
    MODEL: f"PROVIDER/MODEL with one of the providers {', '.join(KNOWN)}, such as {DEFAULT_PROPOSER}",
    API_BASE: "an address such as http://localhost:8000/v1",
    VARIABLE: "a name of letters, digits and _",
    TASK_RUNNER: "threads, dask, ray, or a cluster such as dask@tcp://host:8786 or ray@ray://host:10001",
}
#: The highest temperature that any provider accepts.
HIGHEST_TEMPERATURE = 2
#: What to write for a model of a provider that Workbench does not know.
OTHER_SERVICE = "; write another service with OpenAI's protocol as openai/MODEL, with its address as api_base"

Name = Annotated[str, StringConstraints(pattern=NAME)]
Address = Annotated[str, StringConstraints(pattern=ADDRESS)]
Text = Annotated[str, StringConstraints(pattern=r"\S")]
ModelName = Annotated[str, StringConstraints(pattern=MODEL)]
ApiBase = Annotated[str, StringConstraints(pattern=API_BASE)]
TaskRunnerText = Annotated[str, StringConstraints(pattern=TASK_RUNNER)]
VariableName = Annotated[str, StringConstraints(pattern=VARIABLE)]
Temperature = Annotated[float, Field(ge=0, le=HIGHEST_TEMPERATURE)]


class Form(BaseModel):
    """The base of every form: strict types, no unknown keys, frozen."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def key_names(form: type[BaseModel]) -> list[str]:
    """Return the keys of a form as a study file spells them."""
    return [field.alias or name for name, field in form.model_fields.items()]


def nearest(word: str, known: Collection[str]) -> str:
    """Return `; did you mean "…"?` with the known word most similar to `word`, or "" if none is similar."""
    close = get_close_matches(word.lower(), known, n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def dotted(path: KeyPath) -> str:
    """Return a key path as people write it: `goals[0].gold`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def short(value: object) -> str:
    """Return a value as a message shows it: a text in quotes, at most 60 characters."""
    text = f'"{value}"' if isinstance(value, str) else str(value) if isinstance(value, date) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def is_text(value: str) -> bool:
    """Return True if the text can be written as UTF-8. An argument or a path may hold other bytes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def kind(value: object) -> str:
    """Return the kind of a value from YAML or JSON in words, such as `a text` or `a list`."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "keys"}
    kinds |= {date: "a date", datetime: "a time"}
    return kinds.get(type(value), "nothing" if value is None else "something else")


def misfit(error: Any) -> str:
    """Return what is wrong with a value, in words. `error` is one error of pydantic's `ValidationError.errors()`.

    The callers write the message about an unknown key themselves, because it lists the keys of their form.
    """
    error_type, context = error["type"], error.get("ctx", {})
    value = short(error["input"]) if error_type != "missing" else ""
    match error_type:
        case "missing":
            return "this key is missing"
        case "literal_error":
            choices = re.findall(r"'([^']+)'", context["expected"])
            return f"{value} is not known; expected {' or '.join(choices)}{nearest(str(error['input']), choices)}"
        case "string_pattern_mismatch" if not error["input"].strip():
            return "expected a text, got an empty one"
        case "string_pattern_mismatch":
            advice = _other_provider(error["input"]) if context["pattern"] == MODEL else ""
            return f"{value} is not {EXPECTED.get(context['pattern'], context['pattern'])}{advice}"
        case "too_short":
            return "the list is empty; expected at least one item"
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            return f"{value} is out of range; expected {_bound(context)}"
        case "finite_number":
            return f"{value} is not a finite number"
        case _:
            expected = error["msg"].removeprefix("Input should be ").replace("valid ", "")
            # YAML reads yes, 1.0 and 2026-11-26 as other values than texts.
            quotes = error_type == "string_type" and isinstance(error["input"], bool | int | float | date)
            return f"expected {_plain(expected)}, got {_with_kind(error['input'])}{'; put it in quotes' * quotes}"


def _other_provider(model: str) -> str:
    """Return what to write instead of a model whose provider is not known."""
    provider, slash, _ = model.partition("/")
    return nearest(provider, KNOWN) or (OTHER_SERVICE if slash else "")


def _bound(context: Mapping[str, Any]) -> str:
    """Return the limit that a number breaks, such as `at least 1`. `context` has the limit under pydantic's name."""
    words = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
    return next(f"{words[name]} {limit:.15g}" for name, limit in context.items() if name in words)


def _with_kind(value: object) -> str:
    """Return a value with its kind before it, such as `a text "x"`. `nothing`, `true` and `false` need no kind."""
    if value is None:
        return "nothing"
    return str(value).lower() if isinstance(value, bool) else f"{kind(value)} {short(value)}"


def _plain(expected: str) -> str:
    """Return the description of a type for the author of a file: `a text` for pydantic's `a string`, for example."""
    words = {"a string": "a text", "a integer": "a whole number", "a dictionary": "keys with values"}
    return next((plain for word, plain in words.items() if expected.startswith(word)), expected)
