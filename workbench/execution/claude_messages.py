"""What pipeline_ex's log says of one question to the `claude` program: the messages that it read from its output.

They are printed by Elixir's `inspect`, in one line, so nothing that a model wrote stands there unquoted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

#: Ends at its quote or at the end of the line, so that no start is tried twice: linear whatever is written.
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
MESSAGE = re.compile(r"%ClaudeAgentSDK\.Message\{type: :(?P<type>\w+), subtype: :?(?P<subtype>\w+)")
ERROR_FIELD = re.compile(r'\berror: "(\d+)"')
RESULT_FIELD = re.compile(r'\bresult: "(\d+)"')
CONTENT_FIELD = re.compile(r'"(\d+)" => "(\d+)"')
#: A line of claude's output that pipeline_ex's JSON reader could not read, and took for a text of the assistant.
#: Its first type counts: what a model wrote can stand unescaped further in, as a tool's input.
UNREAD_RESULT = re.compile(r'^\{(?:(?!"type").){0,2000}"type"\s*:\s*"result"', re.DOTALL)
UNREAD = re.compile(r'^\{\s*"(?:type|message|session_id|parent_tool_use_id)"\s*:')
SUBTYPE = re.compile(r'(?<!\\)"subtype"\s*:\s*"(\w+)"')
IS_ERROR = re.compile(r'(?<!\\)"is_error"\s*:\s*true')


@dataclass(frozen=True)
class Answer:
    """How a question ended: `subtype` of its result message, None without one; `words` say why it failed."""

    subtype: str | None
    is_error: bool
    replied: bool
    words: str

    @property
    def good(self) -> bool:
        return self.subtype == "success" and not self.is_error and self.replied


def by_types(types: str) -> Answer:
    """From the line `Message types: system:init, assistant:nil, result:success` alone."""
    said = [one.strip().partition(":") for one in types.split(",")]
    results = [subtype for kind, _, subtype in said if kind == "result"]
    replied = any(kind == "assistant" for kind, _, _ in said)
    return Answer(results[-1] if results else None, False, replied, "")


def by_messages(line: str) -> Answer:
    """From the messages themselves, which also tell an error that calls itself a success."""
    texts: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        texts.append(found[0])
        return f'"{len(texts) - 1}"'

    bare = LITERAL.sub(put_aside, line)
    subtype, is_error, replied, words = None, False, False, []
    for kind, sub, rest in _messages(bare):
        if kind == "result":
            subtype, is_error = sub, is_error or "is_error: true" in rest
            words += _said(ERROR_FIELD, rest, texts) + (_said(RESULT_FIELD, rest, texts) if is_error else [])
        elif kind == "assistant":
            data, _, raw = rest.partition(", raw: ")
            contents = _contents(data, texts)
            garbage = raw.startswith("nil")
            unread = next((one for one in contents if garbage and UNREAD.match(one)), None)
            if unread and UNREAD_RESULT.match(unread):
                found = SUBTYPE.search(unread)
                subtype, is_error = found[1] if found else None, IS_ERROR.search(unread) is not None
            replied = replied or not garbage or unread is not None
            words += contents
    return Answer(subtype, is_error, replied, "\n".join(words)[:4000])


def _messages(bare: str) -> Iterator[tuple[str, str, str]]:
    """Type, subtype and the rest of each message."""
    found = list(MESSAGE.finditer(bare))
    ends = [*(one.start() for one in found[1:]), len(bare)]
    for one, end in zip(found, ends, strict=False):
        yield one["type"], one["subtype"], bare[one.end() : end]


def _contents(data: str, texts: list[str]) -> list[str]:
    """What the assistant said: the values of the keys `content` and `text`."""
    pairs = ((texts[int(found[1])], texts[int(found[2])]) for found in CONTENT_FIELD.finditer(data))
    return [_unquoted(value) for key, value in pairs if key in ('"content"', '"text"')]


def _said(field: re.Pattern[str], rest: str, texts: list[str]) -> list[str]:
    return [_unquoted(texts[int(found[1])]) for found in field.finditer(rest)]


def _unquoted(literal: str) -> str:
    """An Elixir literal's text; JSON's escapes are close enough for words to be found in it."""
    try:
        return str(json.loads(literal))
    except ValueError:
        return literal.strip('"').replace('\\"', '"').replace("\\\\", "\\")
