"""Takes the model's reply out of the JSON envelope that a step of pipeline_ex saved."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from workbench.execution.plan import ESCAPED_LINES, WRAPPED, has_open_fence, problem, unfenced
from workbench.models.claude_failures import ERROR_CHARACTERS, says_error

#: An escaped line break. pipeline_ex's JSON reader may leave the escapes in a reply.
ESCAPED = "\\n"

# Notes: what was done to the text.
LITERAL = "pipeline_ex left the reply's line breaks as literal \\n; they were turned back"
UNREAD = "pipeline_ex passed claude's messages on unread; the reply was taken out of them"
UNREAD_PARTS = "pipeline_ex passed some of claude's messages on unread; the reply was taken out of them"
#: The message for a saved text without a trace of a result message.
UNANSWERED = (
    "nothing that the step saved proves that the claude program answered: there is no result message, which only the "
    "output format stream_json always keeps"
)
#: A part of a message that is no text. A claude step prints it between the texts.
INSPECTED = re.compile(r'%\{"[^\n]*"type" => "(?:\w*thinking|\w*tool_use|\w*tool_result)"[^\n]*\}\s*\Z')


@dataclass(frozen=True)
class Reply:
    """A model's reply, or the failure that a step saved instead.

    Attributes:
        failure: the kind and the message of the failure, or None.
        note: what was done to the text, or empty.
        proved: True if a result message of success stood in the text.
        unlogged: the number of answers to questions that are not logged. A loop or a batch saves several.
        cut: True if the reply was cut off: a markdown block in Gemini's reply is open. pipeline_ex does not save
            Gemini's finish reason.
    """

    text: str
    failure: tuple[str, str] | None = None
    note: str = ""
    proved: bool = False
    unlogged: int = 0
    cut: bool = False


def reply_in(saved: str) -> Reply:
    """Return the reply in a saved text. A text without an envelope is the reply."""
    envelope = _envelope(saved)
    if envelope is None:
        return Reply(saved)
    answers = list(_unlogged_answers(envelope))
    for answer in answers:
        if answer is not envelope and (error := _reply(answer, saved).failure) is not None:
            return Reply("", error)
    return replace(_reply(envelope, saved), unlogged=len(answers))


def error_in(text: str) -> str | None:
    """Return the claude program's error if a reply consists of it or ends with it; else None.

    The wrapper that pipeline_ex puts around a reply does not belong to the reply. A text that is a plan has no error.
    """
    is_wrapped = WRAPPED.match(text)
    reply = is_wrapped["reply"] if is_wrapped else text
    if says_error(reply) and problem(unfenced(text)) is not None:
        return reply
    # In a reply of several turns, the error is the last line.
    last = reply.rstrip()[-ERROR_CHARACTERS:].rpartition("\n")[2].strip()
    return last if says_error(last) and problem(text) is not None else None


def error_message(error: str, author: str = "the claude program's") -> str:
    """Return the message for a reply that is an error."""
    return f"{author} reply is an error: {' '.join(error.split())[:300]}"


def _reply(envelope: dict[str, Any], saved: str) -> Reply:
    """Return the reply in an envelope. `saved` is the text with the envelope."""
    if (error := _failure(envelope)) is not None:
        return Reply("", error)
    text = envelope.get("text")
    if not isinstance(text, str):
        return Reply(saved)
    if _is_gemini(envelope):
        return _gemini(text)
    reply = _decoded(_unwrapped(text))
    if "session_id" not in envelope or reply.failure is not None:
        return reply
    if (message := error_in(reply.text)) is not None:
        return Reply("", ("crashed", error_message(message)))
    return reply if reply.proved or _has_result_trace(envelope) else Reply("", ("no result", UNANSWERED))


def _is_gemini(envelope: dict[str, Any]) -> bool:
    """Return True if a gemini step saved this envelope. Only a gemini step saves tokens and no session."""
    return "session_id" not in envelope and isinstance(envelope.get("tokens"), dict)


def _gemini(text: str) -> Reply:
    """Return Gemini's reply."""
    if (error := error_in(text)) is not None:
        return Reply("", ("crashed", error_message(error, "Gemini's")))
    return Reply(text, cut=has_open_fence(text))


def _unwrapped(text: str) -> str:
    """Return the reply in the JSON object of a claude_extract step with the format json; else the same text."""
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    is_wrapped = isinstance(value, dict) and set(value) == {"content", "format"} and value["format"] == "json"
    return value["content"] if is_wrapped and isinstance(value["content"], str) else text


def _unlogged_answers(saved: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the envelopes of steps whose questions are not logged. These envelopes hold the id of claude's session."""
    values: list[Any] = [saved]
    while values:
        value = values.pop()
        if isinstance(value, dict) and "session_id" in value and isinstance(value.get("text"), str):
            yield value
        elif isinstance(value, dict | list):
            values += value.values() if isinstance(value, dict) else value


def _envelope(saved: str) -> dict[str, Any] | None:
    """Return the JSON envelope in a saved text, or None if the text is no envelope."""
    if not saved.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(saved)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "success" in value else None


def _failure(envelope: dict[str, Any]) -> tuple[str, str] | None:
    """Return the kind and the message of the failure that an envelope reports, or None."""
    reason = str(envelope.get("original_error") or envelope.get("error") or envelope.get("reason") or "no reason given")
    if envelope.get("mock_mode"):
        return "mock used", "a mock wrote this reply: TEST_MODE is not live"
    if any(envelope.get(name) for name in ("degraded_mode", "emergency_mode", "cached_response", "fallback_type")):
        return "fallback used", f"the step failed, and its fallback wrote the reply: {reason[:300]}"
    if envelope.get("skipped"):
        return "no file", f"the step was skipped: {reason[:300]}"
    if envelope.get("success") is not True:
        return "crashed", f"the step did not succeed: {reason[:300]}"
    if isinstance(failed := envelope.get("failed_tasks"), int) and failed > 0:
        return "crashed", f"{failed} of the step's tasks failed: {_task_errors(envelope)[:300] or reason[:300]}"
    return None


def _task_errors(envelope: dict[str, Any]) -> str:
    results = envelope.get("batch_results")
    tasks = [task for task in results if isinstance(task, dict)] if isinstance(results, list) else []
    return "; ".join(str(task["error"]) for task in tasks if task.get("error"))


def _has_result_trace(envelope: dict[str, Any]) -> bool:
    """Return True if a step whose questions are not logged saved a trace of a result message.

    With `debug_mode`, such a step saves the types of its messages. pipeline_ex stops at a result that is no success. It
    takes the cost from the result, and fills in the integer 0 if there is no result. The text is no trace: with the
    output format json, pipeline_ex keeps the model's text and drops the result, so a failed answer looks like a good
    answer.
    """
    debug = envelope.get("debug_info")
    types = debug.get("message_types") if isinstance(debug, dict) else None
    if isinstance(types, list):
        results = [message for message in types if isinstance(message, dict) and message.get("type") == "result"]
        return bool(results) and results[-1].get("subtype") == "success"
    return type(envelope.get("cost")) is not int or envelope["cost"] != 0


def _decoded(text: str) -> Reply:
    """Return the reply with JSON escapes and JSON messages turned back into text."""
    lines = [(line, _messages(line)) for line in text.split("\n")]
    messages = [message for _, line_messages in lines for message in line_messages]
    if not messages:
        unescaped = _unescaped(text)
        return Reply(text) if unescaped is None else Reply(unescaped, note=LITERAL)
    result = next((message for message in reversed(messages) if message["type"] == "result"), None)
    if result is not None and (result.get("subtype") != "success" or result.get("is_error")):
        errors = result.get("errors")
        error = "; ".join(map(str, errors)) if isinstance(errors, list) else result.get("error")
        reason = f"{result.get('subtype')}: {result.get('result') or error or 'no reason given'}"
        return Reply("", ("no result", f"the claude program gave no good result: {reason[:300]}"))
    texts: list[str] = []
    for line, line_messages in lines:
        if not line_messages and not (result is not None and INSPECTED.match(line)):
            texts.append(_unescaped(line) or line)
        texts += [part for message in line_messages if message["type"] == "assistant" for part in _texts(message)]
    if result is None:
        return Reply("\n".join(texts), note=UNREAD_PARTS)
    # With the output format json and without `verbose`, there is no other message.
    return Reply("\n".join(texts or [str(result.get("result") or "")]), note=UNREAD, proved=True)


def _unescaped(text: str) -> str | None:
    """Return the text with its JSON escapes decoded, or None if nothing has to be decoded.

    A text with fewer than two escaped line breaks is not decoded. A text with more lines than escaped line breaks is
    not decoded either, unless at least two of its lines are escaped YAML: each turn of the model is a line, and several
    short turns may stand before the plan.
    """
    lines = text.strip().split("\n")
    if text.count(ESCAPED) < 2 or (len(lines) > text.count(ESCAPED) and len(ESCAPED_LINES.findall(text)) < 2):
        return None
    try:
        return "\n".join(str(json.loads(f'"{line}"')) for line in lines)
    except ValueError:
        return None


def _messages(line: str) -> list[dict[str, Any]]:
    """Return the messages in a line of claude's output: one message, or a JSON document of all messages."""
    if not line.startswith(("{", "[")):
        return []
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return []
    items = value if isinstance(value, list) else [value]
    kinds = ("assistant", "result", "system", "user")
    return items if all(isinstance(item, dict) and item.get("type") in kinds for item in items) else []


def _texts(message: dict[str, Any]) -> list[str]:
    """Return the texts in a message of the assistant."""
    inner = message.get("message")
    content = inner.get("content") if isinstance(inner, dict) else None
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
