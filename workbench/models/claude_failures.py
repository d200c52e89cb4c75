"""Recognises the failures of the `claude` program by its words and its codes.

The Elixir runtime reads the same list of failures, and its module `Failures` explains the list.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The list of failures: in each entry a kind, words and a code.
LIST = Path(__file__).parents[1] / "runtime" / "priv" / "claude_program" / "failures.json"

#: The beginning of a reply that is nothing but the program's error. The program may call such a reply a success.
ERROR_REPLY = re.compile(
    r"\A\s*(?:API Error(?: \(|: ?[\dA-Z])|Error: \d{3}\b|Invalid API key\b|Credit balance is too low|Not logged in\b"
    r"|(?:Claude (?:AI |Code )?)?usage limit reached|[\w-]{1,20} limit reached\b"
    r"|You've (?:hit|reached) your .{0,20}limit"
    r"|OAuth token (?:has expired|revoked)|Please run /login|Failed to authenticate\b|Request timed out\b"
    r"|Connection error\b|Execution error\s*\Z|(?:Prompt|Conversation|Input) is too long\b"
    r"|There's an issue with the selected model"
    r"|Your (?:organization|account) (?:has been|does not)|This organization has been)",
    re.IGNORECASE,
)
#: A reply with so many characters or more is no error.
ERROR_CHARACTERS = 2000


@dataclass(frozen=True)
class Entry:
    """One entry of the list.

    Attributes:
        kind: the word under which the failure is counted.
        again: True if another call may succeed.
        code: the program's code by which the failure is recognised, or None.
        words: the pattern of the program's words by which the failure is recognised, or None.
    """

    kind: str
    again: bool
    code: str | None
    words: re.Pattern[str] | None


def says_error(reply: str) -> bool:
    """Return True if a reply is nothing but an error of the program."""
    return len(reply) < ERROR_CHARACTERS and ERROR_REPLY.match(reply) is not None


def recognised(code: str | None, words: str) -> Entry | None:
    """Return the first entry whose pattern matches the words, else the first entry with this code, else None."""
    entries = _entries()
    by_words = (entry for entry in entries if entry.words is not None and entry.words.search(words))
    by_code = (entry for entry in entries if code is not None and entry.code == code)
    return next(by_words, None) or next(by_code, None)


def limit_lasts(words: str) -> bool:
    """Return True if these words tell of a limit of a subscription. Such a limit passes only after hours or days."""
    entry = recognised(None, words)
    return entry is not None and entry.kind == "rate limit" and not entry.again


def lasting_failures() -> dict[str, re.Pattern[str]]:
    """Return the patterns of the program's words for failures that another call cannot mend, by kind of failure."""
    return {entry.kind: entry.words for entry in _entries() if entry.words is not None and not entry.again}


@functools.cache
def _entries() -> tuple[Entry, ...]:
    """Read the list of failures once."""
    values: Iterable[dict[str, Any]] = json.loads(LIST.read_text(encoding="utf-8"))
    return tuple(
        Entry(
            kind=str(value["kind"]).replace("_", " "),
            again=bool(value.get("again")),
            code=value.get("code"),
            words=re.compile(value["words"], re.IGNORECASE | re.DOTALL) if value.get("words") else None,
        )
        for value in values
    )
