"""Describes a value of a study file that does not fit its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from workbench.execution.runtimes import RUNTIMES
from workbench.fields import KeyPath, dotted, key_names, misfit, nearest
from workbench.study.form import form_of, forms_in, own_keys, runtimes_with


def message(error: Any, path: KeyPath, runtime: str) -> str:
    """Return the message about the value at `path`. `error` is one error of pydantic's `ValidationError.errors()`."""
    name = dotted(path)
    match error["type"]:
        case "extra_forbidden" if len(path) == 1 and (others := runtimes_with(str(path[0]))):
            instead = RUNTIMES[runtime].instead.get(str(path[0]))
            hint = instead or f"it belongs to runtime: {' or '.join(others)}"
            return f"{name}: runtime: {runtime} does not take this key; {hint}"
        case "extra_forbidden":
            keys = key_names(_form_at(form_of(runtime), path[:-1]))
            return f"{name}: this key is not known; expected one of {', '.join(keys)}{nearest(str(path[-1]), keys)}"
        case "missing" if len(path) == 1 and path[0] in own_keys(runtime):
            return f"{name}: this key is missing; runtime: {runtime} needs it"
        case _:
            return f"{name}: {misfit(error)}"


def _form_at(form: type[BaseModel], path: Sequence[str | int]) -> type[BaseModel]:
    """Return the form that describes the keys below `path`."""
    for part in path:
        if isinstance(part, str):
            fields = {field.alias or name: field for name, field in form.model_fields.items()}
            form = next(forms_in(fields[part].annotation), form)
    return form
