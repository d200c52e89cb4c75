"""Keeps the answers of paid tasks: one file of readable JSON for each answer, `TASK/KEY` in the storage of answers.

The storage is the folder `WORKBENCH_HOME/results`, or the bucket that WORKBENCH_RESULTS names.

A file has the task and the key of its answer. When it is read, its task, its key, the answer's type and the ranges of
the values are checked. A file that fails a check counts as missing, so its answer is bought again. Nothing is
unpickled.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from workbench.errors import OutsideError
from workbench.money.price import Cost
from workbench.nouns import DrawnCriteria, Execution, Verdict
from workbench.scoring import Criterion
from workbench.search.proposal import Proposal
from workbench.system.home import home
from workbench.system.storage import Storage, results_of

#: The type of each paid task's answers, by the task's name.
ANSWERS: dict[str, type[Any]] = {"execute": Execution, "propose": Proposal, "score": Verdict, "draw": DrawnCriteria}

#: The adapters of these types, by class name. They are created once, because that takes longer than using them.
ADAPTERS: dict[str, TypeAdapter[Any]] = {cls.__name__: TypeAdapter(cls) for cls in ANSWERS.values()}

#: The version of the file format. A file without a version was written by Prefect, and names its key in `metadata`.
SCHEMA = 1


class _File(BaseModel):
    """The content of a file. `result` is JSON text: an object with the answer's class name as its only key."""

    model_config = ConfigDict(strict=True)

    result: str
    schema_version: int = 0
    task: str = ""
    key: str = ""
    metadata: dict[str, Any] = {}

    @property
    def name(self) -> str:
        """Return `TASK/KEY`, as the content of the file names them."""
        if self.schema_version:
            return f"{self.task}/{self.key}"
        return "/".join(Path(str(self.metadata.get("storage_key", ""))).parts[-2:])


class NoAnswer(ValueError):
    """A file or a value cannot be the answer for its task and key. The message gives the reason."""


def storage() -> Storage:
    """Return the storage of answers that the environment of this process names.

    Raises:
        UserError: the environment names no storage that can be used.
    """
    return results_of(home(), os.environ)


def read(results: Storage, task: str, key: str) -> Any:
    """Return the kept answer, or None if there is no such file.

    Raises:
        NoAnswer: the file cannot be read, is damaged, or holds another answer.
    """
    try:
        content = results.read(f"{task}/{key}")
    except OSError as error:
        raise NoAnswer(f"it cannot be read: {error.strerror}") from error
    if content is None:
        return None
    try:
        record = _File.model_validate_json(content)
        kind, value = only_item(record.result)
    except ValidationError as error:
        raise NoAnswer("it is truncated or damaged") from error
    if record.name != f"{task}/{key}":
        raise NoAnswer(f"it holds the answer of {record.name[:80] or 'an unknown task'}")
    expected = ANSWERS[task].__name__
    if kind != expected:
        raise NoAnswer(f"it holds a value of the type {kind[:40]}; expected {expected}")
    try:
        answer = ADAPTERS[kind].validate_json(json.dumps(value), strict=True)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"its value does not fit the type {kind}") from error
    if reason := _fault(answer, key):
        raise NoAnswer(reason)
    if other_model := getattr(answer, "other_model", None):
        raise NoAnswer(f"the model {str(other_model)[:80]} answered, and not the model that the key names")
    return answer


def write(results: Storage, task: str, key: str, answer: Any) -> None:
    """Write an answer that was just paid for. The file is written whole or not at all.

    Raises:
        OutsideError: the answer cannot be written. From now on, `check_storage` refuses every purchase of this process.
    """
    name = f"{task}/{key}"
    try:
        if not isinstance(answer, ANSWERS[task]):
            raise NoAnswer(f"it has the type {type(answer).__name__}; expected {ANSWERS[task].__name__}")
        if reason := _fault(answer, key):
            raise NoAnswer(reason)
        record = {"schema_version": SCHEMA, "task": task, "key": key, "result": to_json(answer)}
        results.write(name, json.dumps(record, ensure_ascii=False).encode())
    except Exception as error:
        _unkept.append(f"{results.place(name)}: {_reason(error)}")
        raise _storage_error(f"a paid answer could not be written ({_unkept[0]})") from None


def check_storage(results: Storage, task: str, key: str) -> None:
    """Check that an answer can be written, before it is bought.

    Raises:
        OutsideError: the answer cannot be written, or this process could not write an earlier answer.
    """
    if _unkept:
        raise _storage_error(f"a paid answer could not be written ({_unkept[0]})")
    name = f"{task}/{key}"
    if reason := results.why_unwritable(name):
        raise _storage_error(f"answers cannot be written ({results.place(name)}: {reason})")


#: The answers that this process could not write, each with the reason.
_unkept: list[str] = []

_object: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


def to_json(answer: Any) -> str:
    """Return an answer as JSON text: an object with the answer's class name as its only key."""
    kind = type(answer).__name__
    return json.dumps({kind: ADAPTERS[kind].dump_python(answer, mode="json")}, ensure_ascii=False)


def only_item(text: str | bytes) -> tuple[str, Any]:
    """Return the only key of a JSON object, and its value.

    Raises:
        ValidationError: the text is damaged.
        NoAnswer: it is not an object with one key.
    """
    items = list(_object.validate_json(text).items())
    if len(items) != 1:
        raise NoAnswer(f"it holds {len(items)} values; expected one")
    return items[0]


def _fault(answer: Any, key: str) -> str | None:
    """Return why an answer cannot be the answer for this key, or None."""
    if (cost := getattr(answer, "cost", None)) is not None and not _possible(cost):
        return "its cost is not possible"
    match answer:
        case Execution() if answer.key != key:
            return f"it holds the execution {answer.key[:80]}"
        case Execution() if not (math.isfinite(answer.seconds) and answer.seconds >= 0):
            return f"it took {answer.seconds} seconds; expected 0 or more"
        case Verdict() if not 0 <= answer.score <= 10:
            return f"its score is {answer.score}; expected 0 to 10"
        case Proposal() if not answer.text.strip():
            return "its text is empty"
        case DrawnCriteria() if not all(_counts(criterion) for criterion in answer.criteria) or not answer.criteria:
            return "it has no criteria, or one that cannot count"
    return None


def _counts(criterion: Criterion) -> bool:
    """Return True if a criterion can count in a score: it has a name, a question and a positive weight."""
    texts = criterion.name.strip() and criterion.question.strip()
    return bool(texts) and math.isfinite(criterion.weight) and criterion.weight > 0


def _possible(cost: Cost) -> bool:
    """Return True if every known amount of a cost is finite and not negative."""
    amounts = [cost.dollars, cost.at_most, *(part.dollars for part in cost.models)]
    return all(amount is None or (math.isfinite(amount) and amount >= 0) for amount in amounts)


def _reason(error: Exception) -> str:
    """Return why an answer could not be written, in words."""
    return (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"[:200]


def _storage_error(problem: str) -> OutsideError:
    """Return the error for a storage that cannot be written."""
    return OutsideError(
        f"{problem}; expected a writable folder or bucket with free space; nothing more is bought, so make room and "
        "run the same command again",
        kind="storage",
        lasting=True,
    )
