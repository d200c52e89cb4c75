"""Reads from pipeline_ex's log how one question to the `claude` program ended.

The log holds the messages of that program in one line, printed by Elixir's `inspect`. So no text of a model stands
there unquoted. A logger cuts the line off at 8,192 bytes unless it is configured otherwise. `inspect` cuts each text
off at 4,096 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workbench.models.claude_failures import says_error

#: A quoted text, up to its closing quote or the end of the line. No start is tried twice, so the time is linear.
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
MESSAGE = re.compile(r"%ClaudeAgentSDK\.Message\{type: :(?P<type>\w+), subtype: :?(?P<subtype>\w+)")
# `by_messages` replaces each quoted text by its number. So `"(\d+)"` in these fields is the number of a text.
ERROR_FIELD = re.compile(r'(?:\berror: |\berrors: \[)"(\d+)"')
COST_FIELD = re.compile(r"\btotal_cost_usd: (\d[\d.]*(?:e-?\d+)?)")
RESULT_FIELD = re.compile(r'\bresult: "(\d+)"')
CONTENT_FIELD = re.compile(r'"(\d+)" => "(\d+)"(?P<cut> <> \.\.\.|\Z)?')
#: The reply in the step's result, as pipeline.generate prints it.
TEXT_FIELD = re.compile(r'\btext: ("(?:[^"\\]|\\.)*+)', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

#: A line of claude's output that pipeline_ex's JSON reader could not read, and took for a text of the assistant.
#: Only the first type in the line is its own: a tool's input can stand unescaped later in the line.
UNREAD_RESULT = re.compile(r'^\{(?:(?!"type").){0,2000}"type"\s*:\s*"result"', re.DOTALL)
#: The beginning of any line that the reader could not read.
UNREAD = re.compile(r'^\{\s*"(?:type|subtype|message|session_id|parent_tool_use_id|uuid|is_error|result)"\s*:')
#: The beginning of all messages as one document. The claude program prints it with the output format json.
DOCUMENT = re.compile(r'^\[\s*\{\s*"type"\s*:')
SUBTYPE = re.compile(r'(?<!\\)"subtype"\s*:\s*"(\w+)"')
IS_ERROR = re.compile(r'(?<!\\)"is_error"\s*:\s*(true|false)')
COST = re.compile(r'(?<!\\)"total_cost_usd"\s*:\s*(\d[\d.]*(?:[eE]-?\d+)?)')
REASON = re.compile(r'(?<!\\)"(?:result|errors?)"\s*:\s*\[?\s*"((?:[^"\\]|\\.){0,600})')
#: The most characters of a program's own reason for its failure. A longer text was written by a model.
REASON_CHARACTERS = 500


@dataclass(frozen=True)
class Answer:
    """The end of a question to the claude program.

    Attributes:
        subtype: the subtype of the result message, or None without such a message.
        is_error: None if the log shows only the types of messages.
        replied: True if the assistant sent a message.
        reason: why the question failed, or empty.
        unseen: True if the log was cut off before the answer's end.
        dollars: the cost of the question, or None if the messages do not tell it.
    """

    subtype: str | None
    is_error: bool | None
    replied: bool
    reason: str = ""
    unseen: bool = False
    dollars: float | None = None

    @property
    def good(self) -> bool:
        """Return True if the log shows a reply and a result of success."""
        return self.subtype == "success" and not self.is_error and self.replied and not self.unseen


def by_types(types: str) -> Answer:
    """Return the answer in a line like `Message types: system:init, assistant:nil, result:success`."""
    messages = [message.strip().partition(":") for message in types.split(",")]
    results = [subtype for kind, _, subtype in messages if kind == "result"]
    replied = any(kind == "assistant" for kind, _, _ in messages)
    return Answer(results[-1] if results else None, None, replied)


def completed(cut: Answer, types: Answer) -> Answer:
    """Return the answer of messages that were cut off, completed with the types of all messages."""
    if types.subtype is not None:
        is_error = cut.is_error if cut.subtype else None
        return replace(types, is_error=is_error, reason=cut.reason, dollars=cut.dollars)
    return replace(cut, replied=types.replied, unseen=cut.subtype is None or cut.unseen)


def by_messages(line: str) -> Answer:
    """Return the answer in a line of messages. A result with an error is an error even if its subtype is success."""
    texts: list[str] = []

    # Only pipeline_ex's own words stay in the line, so no text of a model can imitate a field.
    def put_aside(match: re.Match[str]) -> str:
        texts.append(match[0])
        return f'"{len(texts) - 1}"'

    bare = LITERAL.sub(put_aside, line)
    answer, replied, reasons = Answer(None, False, False), False, []
    for kind, subtype, rest in _messages(bare):
        if kind == "result":
            is_error = "is_error: true" in rest or '"is_error" => true' in rest
            answer = Answer(subtype, is_error, False, dollars=_dollars(COST_FIELD, rest.partition(", raw: ")[0]))
            reasons += _reasons(ERROR_FIELD, rest, texts) + (_reasons(RESULT_FIELD, rest, texts) if is_error else [])
        elif kind == "assistant":
            data, _, raw = rest.partition(", raw: ")
            # pipeline_ex makes a message without raw data from a line that its JSON reader could not read.
            is_unread = not raw or raw.startswith("nil")
            for content, cut in _contents(data, texts):
                if is_unread and (unread := by_line(content, cut) or by_document(content, cut)) is not None:
                    answer, replied = unread, True
                elif is_unread and UNREAD.match(content):
                    replied = True
                elif is_unread or says_error(content):
                    reasons.append(content)
            replied = replied or not is_unread
    return replace(answer, replied=replied, reason="\n".join([*reasons, answer.reason])[:4000])


def by_line(line: str, cut: bool = False) -> Answer | None:
    """Return the answer in a line that pipeline_ex passed on unread, or None if the line has no result message."""
    if not UNREAD_RESULT.match(line):
        return None
    subtype, is_error = SUBTYPE.search(line), IS_ERROR.search(line)
    failed = is_error is not None and is_error[1] == "true"
    texts = [_unescaped(literal) for literal in REASON.findall(line)] if failed else []
    reason = "\n".join(text for text in texts if len(text) <= REASON_CHARACTERS)
    unseen = cut and (subtype is None or is_error is None)
    return Answer(subtype[1] if subtype else None, failed, True, reason, unseen, _dollars(COST, line))


def by_document(line: str, cut: bool) -> Answer | None:
    """Return the answer in a line that holds all of claude's output as one JSON document; None for any other line."""
    if not DOCUMENT.match(line):
        return None
    try:
        messages = [] if cut else json.loads(line)
    except (ValueError, RecursionError):
        return Answer(None, False, True)
    results = [message for message in messages if isinstance(message, dict) and message.get("type") == "result"]
    return by_line(json.dumps(results[-1])) if results else Answer(None, False, True, unseen=cut)


def by_preview(preview: str) -> Answer | None:
    """Return the answer in a reply that pipeline.generate printed, or None if no result message stands in it."""
    match = TEXT_FIELD.search(preview)
    if match is None:
        return None
    lines = _unquoted(match[1]).split("\n")
    results = (by_line(line, cut=number == len(lines)) for number, line in enumerate(lines, 1))
    return next((answer for answer in results if answer is not None), None)


def _messages(bare: str) -> Iterator[tuple[str, str, str]]:
    """Yield the type, the subtype and the rest of each message."""
    heads = list(MESSAGE.finditer(bare))
    ends = [*(head.start() for head in heads[1:]), len(bare)]
    for head, end in zip(heads, ends, strict=False):
        yield head["type"], head["subtype"], bare[head.end() : end]


def _contents(data: str, texts: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield each text of the assistant (a value of `content` or `text`), and True if the text was cut off."""
    for match in CONTENT_FIELD.finditer(data):
        if texts[int(match[1])] in ('"content"', '"text"'):
            yield _unquoted(texts[int(match[2])]), match["cut"] is not None


def _reasons(field: re.Pattern[str], rest: str, texts: list[str]) -> list[str]:
    """Return the values of a field of a result message, without texts that are too long for a program's own reason."""
    values = (_unquoted(texts[int(match[1])]) for match in field.finditer(rest))
    return [value for value in values if len(value) <= REASON_CHARACTERS]


def _dollars(field: re.Pattern[str], text: str) -> float | None:
    match = field.search(text)
    return None if match is None else float(match[1])


def _unquoted(literal: str) -> str:
    """Return the text of an Elixir literal.

    Rare characters may stay escaped; that is good enough to search for words.
    """
    return _unescaped(literal.removeprefix('"').removesuffix('"'))


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda match: ESCAPES.get(match[1], match[1]), text)
