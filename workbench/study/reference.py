"""Generates docs/study.md, the reference of all study keys, from the descriptions of the forms' fields.

python -m workbench.study.reference > docs/study.md
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES
from workbench.fields import EXPECTED
from workbench.search.catalogue import OPTIMIZERS
from workbench.study.form import StudyForm, forms_in

INTRODUCTION = f"""\
# The keys of a study

A study is one YAML file. `workbench init` writes one, `workbench check` validates it. Paths are relative to the file.
The key `runtime`, by default `{DEFAULT_RUNTIME}`, decides which keys a study has besides those of every study. All
other keys are refused.

This page is generated from the forms that Workbench validates studies with:
`python -m workbench.study.reference > docs/study.md` writes it again.
"""
#: The value of a key that has keys of its own.
KEYS = "keys, see below"
HEAD = ("| key | value | default | meaning |", "| --- | --- | --- | --- |")


def reference() -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION, "## Every study\n", *_tables(StudyForm)]
    for name, runtime in RUNTIMES.items():
        meaning = _first_sentence(runtime.__doc__)
        parts += [f"## `runtime: {name}`\n", f"{meaning}\n", *_tables(runtime.Keys)]
    parts += ["## Optimizers\n", "| `optimizer` | what it does | fewest executions for one goal |\n| --- | --- | --- |"]
    parts += [f"| `{name}` | {optimizer.summary} | {optimizer.least(1)} |" for name, optimizer in OPTIMIZERS.items()]
    return "\n".join(parts) + "\n"


def _tables(form: type[BaseModel]) -> Iterator[str]:
    """Yield the table of a form, and then the tables of the forms within it."""
    fields = {field.alias or name: field for name, field in form.model_fields.items()}
    yield "\n".join([*HEAD, *(_row(key, field) for key, field in fields.items())]) + "\n"
    for key, field in fields.items():
        for inner in forms_in(field.annotation):
            yield f"### The keys of `{key}`\n"
            yield from _tables(inner)


def _row(key: str, field: FieldInfo) -> str:
    """Return the row of a key: its values, its default and its meaning."""
    default = "required" if field.is_required() else _default(field)
    meaning = f"{field.description}".replace("|", "\\|")
    return f"| `{key}` | {_value(field)} | {default} | {meaning} |"


def _default(field: FieldInfo) -> str:
    """Return the default of a field as Markdown, or an empty text if the default is empty."""
    value = field.get_default(call_default_factory=True)
    if value is None or value in ({}, [], ()):
        return ""
    if isinstance(value, BaseModel):
        return "see below"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def _value(field: FieldInfo) -> str:
    """Return the values that a field accepts, in words."""
    words = _type(field.annotation, tuple(field.metadata))
    return words if "`" in words else words.replace("|", "\\|")


def _type(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    """Return a type in words. `metadata` has the limits and patterns that pydantic stores beside the type."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if hasattr(annotation, "__metadata__"):
        return _type(inner[0], (*annotation.__metadata__, *metadata))
    if origin is Literal:
        return " or ".join(f"`{word}`" for word in inner)
    if origin is list:
        item = _type(inner[0])
        return f"a list in which each item {'has the keys below' if item == KEYS else f'is {item}'}"
    if origin is dict:
        return "keys that you choose, each with a text"
    if inner:
        return ", or ".join(_type(member) for member in inner if member is not type(None))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return KEYS
    if annotation is str:
        patterns = [str(item.pattern) for item in metadata if isinstance(item, StringConstraints)]
        return next((EXPECTED[pattern] for pattern in patterns if pattern in EXPECTED), "a text")
    kind = {int: "a whole number", float: "a number", bool: "true or false"}.get(annotation, "a value")
    return f"{kind}{_range(metadata)}"


def _range(metadata: tuple[Any, ...]) -> str:
    """Return the range of a number in words, such as `, from 1 to 256`."""
    bounds = [bound for item in metadata for bound in (getattr(item, "metadata", None) or [item])]
    low = next((f"from {b.ge:g}" for b in bounds if isinstance(b, annotated_types.Ge)), "")
    above = next((f"above {b.gt:g}" for b in bounds if isinstance(b, annotated_types.Gt)), "")
    high = next((f"{b.le:,}" for b in bounds if isinstance(b, annotated_types.Le)), "")
    most = f"{'and at most' if above else 'to'} {high}" if high else ""
    words = " ".join(part for part in (low or above, most) if part)
    return f", {words}" if words else ""


def _first_sentence(text: str | None) -> str:
    """Return the first sentence of a docstring."""
    return re.split(r"(?<=\.)\s", (text or "").strip(), maxsplit=1)[0]


if __name__ == "__main__":
    sys.stdout.write(reference())
