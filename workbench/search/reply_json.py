"""Finds the JSON that the proposer writes into a reply, and reads its entries one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from workbench.models.text import UnusableText, take_in_json

_FENCED = re.compile(r"```[^\n]*\n(.*?)\n?```", re.DOTALL)

Entry = TypeVar("Entry")


def unfenced(reply: str) -> str:
    """Return the content of a reply's first code fence, or the reply itself."""
    fenced = _FENCED.search(reply)
    return fenced[1] if fenced else reply.strip()


def json_in(reply: str) -> Any:
    """Return the JSON value of a reply. The JSON may stand in a code fence, or between sentences.

    Raises:
        UnusableText: the reply has no JSON, or its JSON is too deep.
    """
    for text in (reply, unfenced(reply), _bracketed(reply)):
        with suppress(UnusableText):
            return take_in_json(text)
    raise UnusableText("it has no JSON")


def _bracketed(reply: str) -> str:
    """Return the text from the first opening bracket to the last closing bracket, or an empty text."""
    starts = [place for place in (reply.find("["), reply.find("{")) if place >= 0]
    return reply[min(starts) : max(reply.rfind("]"), reply.rfind("}")) + 1] if starts else ""


def entries(value: Any, adapter: TypeAdapter[Entry]) -> list[Entry]:
    """Return the entries of a list that have the right form. The other entries are left out."""
    valid_entries = []
    for entry in value if isinstance(value, Iterable) and not isinstance(value, str | dict) else ():
        with suppress(ValidationError):
            valid_entries.append(adapter.validate_python(entry))
    return valid_entries
