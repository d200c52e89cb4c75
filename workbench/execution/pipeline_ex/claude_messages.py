"""Reads from pipeline_ex's log how one question to the `claude` program ended: the messages of that program.

They are printed by Elixir's `inspect`, in one line, so nothing that a model wrote stands there unquoted. A logger cuts
that line off at 8,192 bytes unless it is told not to, and `inspect` each text at 4,096 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from workbench.execution.pipeline_ex.causes import says_error

#: Ends at its quote or at the end of the line, so that no start is tried twice: linear whatever is written.
LITERAL = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
MESSAGE = re.compile(r"%ClaudeAgentSDK\.Message\{type: :(?P<type>\w+), subtype: :?(?P<subtype>\w+)")
ERROR_FIELD = re.compile(r'(?:\berror: |\berrors: \[)"(\d+)"')
COST_FIELD = re.compile(r"\btotal_cost_usd: (\d[\d.]*(?:e-?\d+)?)")
RESULT_FIELD = re.compile(r'\bresult: "(\d+)"')
CONTENT_FIELD = re.compile(r'"(\d+)" => "(\d+)"(?P<cut> <> \.\.\.|\Z)?')
#: The reply, where pipeline.generate prints what the step gave it.
TEXT_FIELD = re.compile(r'\btext: ("(?:[^"\\]|\\.)*+)', re.DOTALL)
ESCAPE = re.compile(r"\\(.)", re.DOTALL)
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

#: A line of claude's output that pipeline_ex's JSON reader could not read, and took for a text of the assistant.
#: Its first type counts: what a model wrote can stand unescaped further in, as a tool's input.
UNREAD_RESULT = re.compile(r'^\{(?:(?!"type").){0,2000}"type"\s*:\s*"result"', re.DOTALL)
UNREAD = re.compile(r'^\{\s*"(?:type|subtype|message|session_id|parent_tool_use_id|uuid|is_error|result)"\s*:')
#: All messages as one document, which the output format json gives.
DOCUMENT = re.compile(r'^\[\s*\{\s*"type"\s*:')
SUBTYPE = re.compile(r'(?<!\\)"subtype"\s*:\s*"(\w+)"')
IS_ERROR = re.compile(r'(?<!\\)"is_error"\s*:\s*(true|false)')
COST = re.compile(r'(?<!\\)"total_cost_usd"\s*:\s*(\d[\d.]*(?:[eE]-?\d+)?)')
SAID = re.compile(r'(?<!\\)"(?:result|errors?)"\s*:\s*\[?\s*"((?:[^"\\]|\\.){0,600})')
#: What a program says of its failure is no longer than this; a text of more is a model's.
REASON_CHARACTERS = 500


@dataclass(frozen=True)
class Answer:
    """How a question ended. `subtype` is that of its result message, or None; `words` say why it failed.

    `unseen` is true where the log was cut off before it told; `is_error` is None where only types of messages are told.
    `dollars` is what the question cost, or None if the messages do not tell.
    """

    subtype: str | None
    is_error: bool | None
    replied: bool
    words: str = ""
    unseen: bool = False
    dollars: float | None = None

    @property
    def good(self) -> bool:
        return self.subtype == "success" and not self.is_error and self.replied and not self.unseen


def by_types(types: str) -> Answer:
    """Return the answer that the line `Message types: system:init, assistant:nil, result:success` tells."""
    said = [one.strip().partition(":") for one in types.split(",")]
    results = [subtype for kind, _, subtype in said if kind == "result"]
    replied = any(kind == "assistant" for kind, _, _ in said)
    return Answer(results[-1] if results else None, None, replied)


def completed(shown: Answer, types: Answer) -> Answer:
    """Return an answer whose messages were cut off, completed with their types."""
    if types.subtype is not None:
        is_error = shown.is_error if shown.subtype else None
        return replace(types, is_error=is_error, words=shown.words, dollars=shown.dollars)
    return replace(shown, replied=types.replied, unseen=shown.subtype is None or shown.unseen)


def by_messages(line: str) -> Answer:
    """Return the answer that the messages tell, also of an error that calls itself a success."""
    texts: list[str] = []

    def put_aside(found: re.Match[str]) -> str:
        texts.append(found[0])
        return f'"{len(texts) - 1}"'

    bare = LITERAL.sub(put_aside, line)
    ended, replied, words = Answer(None, False, False), False, []
    for kind, subtype, rest in _messages(bare):
        if kind == "result":
            is_error = "is_error: true" in rest or '"is_error" => true' in rest
            ended = Answer(subtype, is_error, False, dollars=_dollars(COST_FIELD, rest.partition(", raw: ")[0]))
            words += _said(ERROR_FIELD, rest, texts) + (_said(RESULT_FIELD, rest, texts) if is_error else [])
        elif kind == "assistant":
            data, _, raw = rest.partition(", raw: ")
            garbage = not raw or raw.startswith("nil")
            for content, cut in _contents(data, texts):
                if garbage and (unread := by_line(content, cut) or by_document(content, cut)) is not None:
                    ended, replied = unread, True
                elif garbage and UNREAD.match(content):
                    replied = True
                elif garbage or says_error(content):
                    words.append(content)
            replied = replied or not garbage
    return replace(ended, replied=replied, words="\n".join([*words, ended.words])[:4000])


def by_line(line: str, cut: bool = False) -> Answer | None:
    """Return the answer in a line of claude's output that pipeline_ex passed on unread; None if it has no result."""
    if not UNREAD_RESULT.match(line):
        return None
    subtype, is_error = SUBTYPE.search(line), IS_ERROR.search(line)
    failed = is_error is not None and is_error[1] == "true"
    said = [_unescaped(one) for one in SAID.findall(line)] if failed else []
    words = "\n".join(one for one in said if len(one) <= REASON_CHARACTERS)
    unseen = cut and (subtype is None or is_error is None)
    return Answer(subtype[1] if subtype else None, failed, True, words, unseen, _dollars(COST, line))


def by_document(line: str, cut: bool) -> Answer | None:
    """Return the answer in all of claude's output as one line of JSON; None for anything else."""
    if not DOCUMENT.match(line):
        return None
    try:
        messages = [] if cut else json.loads(line)
    except (ValueError, RecursionError):
        return Answer(None, False, True)
    results = [one for one in messages if isinstance(one, dict) and one.get("type") == "result"]
    return by_line(json.dumps(results[-1])) if results else Answer(None, False, True, unseen=cut)


def by_preview(preview: str) -> Answer | None:
    """Return the answer in the reply as pipeline.generate prints it; None if no result stands in it."""
    found = TEXT_FIELD.search(preview)
    if found is None:
        return None
    lines = _unquoted(found[1]).split("\n")
    results = (by_line(line, cut=number == len(lines)) for number, line in enumerate(lines, 1))
    return next((one for one in results if one is not None), None)


def _messages(bare: str) -> Iterator[tuple[str, str, str]]:
    """Yield the type, the subtype and the rest of each message."""
    found = list(MESSAGE.finditer(bare))
    ends = [*(one.start() for one in found[1:]), len(bare)]
    for one, end in zip(found, ends, strict=False):
        yield one["type"], one["subtype"], bare[one.end() : end]


def _contents(data: str, texts: list[str]) -> Iterator[tuple[str, bool]]:
    """Yield each text of the assistant, and whether it was cut off: the values of the keys `content` and `text`."""
    for found in CONTENT_FIELD.finditer(data):
        if texts[int(found[1])] in ('"content"', '"text"'):
            yield _unquoted(texts[int(found[2])]), found["cut"] is not None


def _said(field: re.Pattern[str], rest: str, texts: list[str]) -> list[str]:
    said = (_unquoted(texts[int(found[1])]) for found in field.finditer(rest))
    return [one for one in said if len(one) <= REASON_CHARACTERS]


def _dollars(field: re.Pattern[str], text: str) -> float | None:
    found = field.search(text)
    return None if found is None else float(found[1])


def _unquoted(literal: str) -> str:
    """Return the text of an Elixir literal. Escapes of rare characters are only close enough to find words."""
    return _unescaped(literal.removeprefix('"').removesuffix('"'))


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[1]), text)
