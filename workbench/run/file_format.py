"""Reads a file, or a line of a file, as its type. Every type of a record names the version of its format.

Every file names the version of its format under `schema`. In a file of lines, each line names it: a newer Workbench may
continue a run of an older one, and then adds its own lines to the same file.

Raise a type's SCHEMA when an older Workbench would misread the new format. A new key with a default needs no new
version, because unknown keys are ignored. A file without `schema` was written before formats had versions, and is read
as version 1.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from workbench.errors import RunNotFound, RunTooNew

#: The advice if a file of a run's folder is missing or damaged.
RUN_AGAIN = "run the study again, nothing is paid twice"
#: The whole numbers that a database can hold.
LEAST_INTEGER, GREATEST_INTEGER = -(2**63), 2**63 - 1


class Frozen(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Record(Frozen):
    """The content of one file, or of one line of a file of lines. FILE is the file's name in the run's folder."""

    FILE: ClassVar[str]
    SCHEMA: ClassVar[int] = 1

    def to_json(self) -> dict[str, Any]:
        """Return the version of the format and the fields, as they are written."""
        return {"schema": self.SCHEMA, **self.model_dump(mode="json")}


R = TypeVar("R", bound=Record)


def parse(kind: type[R], text: str, place: str, advice: str = RUN_AGAIN) -> R:
    """Read the text of a file, or of one line.

    Args:
        place: names the file or the line in an error message.
        advice: what to do if the text is damaged.

    Raises:
        RunNotFound: the text is damaged.
        RunTooNew: a newer Workbench wrote it.
    """
    try:
        value = json.loads(text, parse_int=_whole_number, parse_constant=_not_finite)
    except (ValueError, RecursionError) as error:
        raise RunNotFound(f"{place} is no JSON ({error}): {advice}") from error
    schema = value.get("schema", 1) if isinstance(value, dict) else 1
    if isinstance(schema, int) and schema > kind.SCHEMA:
        raise RunTooNew(
            f"{place} has schema {schema}; expected at most {kind.SCHEMA}: "
            "a newer Workbench wrote it, so upgrade this one"
        )
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise RunNotFound(f"{place} does not fit its format ({_first_problem(error)}): {advice}") from error


def _whole_number(digits: str) -> int:
    """Return a whole number of a file. Raise a ValueError for one that no database can hold."""
    number = int(digits)
    if not LEAST_INTEGER <= number <= GREATEST_INTEGER:
        raise ValueError(f"{digits[:60]} is out of range")
    return number


def _not_finite(word: str) -> float:
    """Refuse NaN and Infinity, which Python reads although JSON has no such numbers."""
    raise ValueError(f"{word} is not a number")


def _first_problem(error: ValidationError) -> str:
    """Return the first problem: the key, the expectation, and the value."""
    problem = error.errors(include_url=False)[0]
    key = ".".join(map(str, problem["loc"]))
    value = "" if problem["type"] == "missing" else f", got {json.dumps(problem['input'], ensure_ascii=False)[:60]}"
    return f"{key}: {problem['msg']}{value}" if key else f"{problem['msg']}{value}"
