"""Cleans text that a model wrote, and limits its length, for all roles.

A model can write anything: lone surrogates, control characters, megabytes, JSON of any depth. Text that has passed
`take_in` can be written to every file and database that Workbench uses.
"""

from __future__ import annotations

import json
import re
from typing import Any

#: The longest text that `take_in` accepts, in characters.
LONGEST = 1_000_000
#: The most characters of a provider's words in a message, and of a model's name.
WORDS_CHARACTERS = 500
#: The deepest JSON that `take_in_json` accepts, in levels of objects and lists.
DEEPEST = 50

#: Line breaks other than LF. Some programs break lines at them, and others do not.
_LINE_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
#: Characters that some file or database cannot hold: control characters, lone surrogates, and the two noncharacters
#: that YAML refuses.
_UNKEEPABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_FENCE = re.compile(r"```[A-Za-z]*[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL)


class UnusableText(Exception):
    """A text that a model wrote cannot be used. The message says why."""


def take_in(text: str | bytes, longest: int = LONGEST) -> str:
    """Return a model's text in a form that every file and database can hold.

    All line breaks become LF. A character that cannot be kept becomes U+FFFD.

    Raises:
        UnusableText: the text has more than `longest` characters.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", errors="replace")
    if len(text) > longest:
        raise UnusableText(f"it has {len(text):,} characters; expected at most {longest:,}")
    return _UNKEEPABLE.sub("\ufffd", _LINE_BREAKS.sub("\n", text))


def take_in_json(text: str | bytes, longest: int = LONGEST) -> Any:
    """Return the value of a JSON text that a model wrote. The JSON may be in a Markdown code fence with text around it.

    Raises:
        UnusableText: the text is too long or no JSON. Or the JSON is too deep, has a key twice in one object, or has a
            number that is not finite.
    """
    clean = take_in(text, longest).strip()
    fences = _FENCE.findall(clean)
    if not clean.startswith(("{", "[")) and len(fences) == 1:
        clean = fences[0].strip()
    try:
        value = json.loads(clean, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise UnusableText(f"its JSON is too deep; expected at most {DEEPEST} levels") from None
    except ValueError:
        raise UnusableText("it is no JSON") from None
    return _cleaned(value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a JSON object. Refuse a key that occurs twice."""
    value = dict(pairs)
    if len(value) < len(pairs):
        raise UnusableText("its JSON has a key twice in one object")
    return value


def _refuse_constant(name: str) -> Any:
    raise UnusableText(f"its JSON has the number {name}; expected a finite number")


def _cleaned(value: Any, level: int = 1) -> Any:
    """Return a JSON value whose texts have passed `take_in`.

    An escape in a JSON text can stand for a character that the text itself did not have, such as a lone surrogate.

    Raises:
        UnusableText: the value is too deep, or a text in it is too long.
    """
    if isinstance(value, str):
        return take_in(value)
    if isinstance(value, dict | list) and level > DEEPEST:
        raise UnusableText(f"its JSON is too deep; expected at most {DEEPEST} levels")
    if isinstance(value, dict):
        return {take_in(key): _cleaned(item, level + 1) for key, item in value.items()}
    return [_cleaned(item, level + 1) for item in value] if isinstance(value, list) else value


def shortened(text: str) -> str:
    """Return the beginning of a provider's words, in a form that every file and database can hold."""
    return take_in(text[:WORDS_CHARACTERS])
