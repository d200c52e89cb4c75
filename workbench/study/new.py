"""Writes the study file of `workbench init`. It is ready to run, and shows every optional key as a comment."""

from __future__ import annotations

import contextlib
import os
import re
import textwrap
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from workbench.errors import UserError
from workbench.execution.runtimes import DEFAULT_RUNTIME, RUNTIMES, SHIPPED_PIPELINE
from workbench.fields import key_names
from workbench.search.catalogue import DEFAULT_OPTIMIZER, OPTIMIZERS
from workbench.study.form import form_of, forms_in
from workbench.system.files import write_atomically

#: The first keys of a new study, in their order. All other keys follow.
ORDER = ("study", "goals", "pipeline", "inputs", "prompt", "optimizer", "pass", "budget", "confirm", "concurrency")
#: The budget of a new study, in executions.
BUDGET = 24
#: The longest name of a new study, in characters. A study file accepts 80.
LONGEST_NAME = 60
#: The longest comment line of a new study, in characters.
WIDTH = 110


@contextlib.contextmanager
def pipeline_copy(study: Path) -> Iterator[Path]:
    """Yield a copy of the shipped pipeline in the folder of the study.

    If one of the possible files has the content of the shipped pipeline already, yield this file. A new copy is deleted
    again if the block raises.

    Raises:
        UserError: files with other content already have the possible names of the copy.
    """
    content = SHIPPED_PIPELINE.read_bytes()
    files = [study.with_name(name) for name in ("pipeline.yaml", "genesis.yaml") if study.name != name]
    for file in files:
        if file.is_file() and file.read_bytes() == content:
            yield file
            return
    free_file = next((file for file in files if not os.path.lexists(file)), None)
    if free_file is None:
        existing = " and ".join(f"{file} exists" for file in files)
        raise UserError(
            f"{existing}, but the study needs a free name for its own pipeline: choose another folder with --output"
        )
    try:
        yield write_atomically(free_file, content)
    except BaseException:
        free_file.unlink()
        raise


def name_for(study: Path) -> str:
    """Return the name of a new study: that of its file, or that of its folder if the file is `study.yaml`.

    Runs, reports and the ledger tell studies apart by their names.
    """
    file = Path(os.path.normpath(study.absolute()))
    words = file.parent.name if file.name == "study.yaml" else file.stem
    ascii_words = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", ascii_words).lstrip("-_.")[:LONGEST_NAME].rstrip("-_.") or "study"


def starter_study(name: str, goal: str, gold: Path, pipeline: Path) -> str:
    """Return the text of a study file with one goal and one gold plan, to be written beside `pipeline`."""
    values: dict[str, Any] = {
        "study": name,
        "goals": [{"name": name, "goal": goal, "gold": _relative(pipeline.parent, gold.absolute())}],
        "pipeline": pipeline.name,
        "prompt": None,
        "optimizer": DEFAULT_OPTIMIZER,
        "pass": None,
        "budget": BUDGET,
        "confirm": None,
    }
    fields = {field.alias or name: field for name, field in form_of(DEFAULT_RUNTIME).model_fields.items()}
    keys = [*(key for key in ORDER if key in fields), *(key for key in fields if key not in ORDER)]
    blocks = [_block(key, fields[key], values) for key in keys]
    return "\n".join([*HEADER, *blocks, FOOTER])


HEADER = (
    "# A study says what to optimise. `workbench check` validates it, `workbench run` searches for a better prompt.",
    "# Paths are relative to this file. Keys behind a # are optional and show their defaults.",
    "",
)
FOOTER = "# Other runtimes take other keys: docs/study.md of Workbench lists all of them.\n"


def _block(key: str, field: FieldInfo, values: Mapping[str, Any]) -> str:
    """Return the lines of one key: its meaning as a comment, and the key with its value.

    If `values` does not have the key, its line is a comment, too. If the value in `values` is None, the line shows the
    key's example or default.
    """
    comment = textwrap.wrap(_meaning(key, field), WIDTH)
    value = values.get(key)
    yaml_lines = _yaml_lines(key, _example(field) if value is None else value)
    lines = yaml_lines if key in values else [f"# {line}" for line in yaml_lines]
    return "\n".join([*(f"# {line}" for line in comment), *lines, ""])


def _meaning(key: str, field: FieldInfo) -> str:
    """Return a sentence about a key: its description, its known words, and the keys within it."""
    words = {"optimizer": tuple(OPTIMIZERS), "runtime": tuple(RUNTIMES)}.get(key)
    choices = f": {', '.join(words[:-1])} or {words[-1]}" if words else ""
    inner = ", ".join(name for form in forms_in(field.annotation) for name in key_names(form))
    keys = f" (its keys: {inner})" if inner else ""
    meaning = f"{field.description}{choices}{keys}"
    return f"{meaning[0].upper()}{meaning[1:]}." if meaning[0].islower() else f"{meaning}."


def _example(field: FieldInfo) -> Any:
    """Return a field's example if it has one, else its default, as plain values."""
    if field.examples:
        return field.examples[0]
    default = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel):
        return {name: _plain(value) for name, value in default.model_dump(exclude_none=True).items()}
    return _plain(default)


def _plain(value: Any) -> Any:
    """Return a whole number without a decimal point, and any other value as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _yaml_lines(key: str, value: Any) -> list[str]:
    """Return a key and its value as YAML lines: a list of mappings as blocks, everything else on one line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        items = [[f"{name}: {_quoted(text)}" for name, text in item.items()] for item in value]
        return [f"{key}:", *(f"  {'- ' if not n else '  '}{line}" for item in items for n, line in enumerate(item))]
    return [f"{key}: {_one_line(value)}"]


def _one_line(value: Any) -> str:
    """Return a value as YAML on one line."""
    if isinstance(value, str):
        return value if value == yaml.safe_load(value) and ": " not in value else _quoted(value)
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**9)
    return text.removesuffix("\n...\n").strip()


def _relative(directory: Path, file: Path) -> str:
    """Return the path of a file relative to a folder. If they share no top-level folder, return the absolute path."""
    relative = os.path.relpath(file, directory.absolute())
    return str(file) if directory.absolute().parts[:2] != file.parts[:2] else relative


def _quoted(text: str) -> str:
    """Return a text as quoted YAML on one line, even if the text contains line breaks."""
    return yaml.safe_dump(text, default_style='"', allow_unicode=True, width=10**9).strip()
