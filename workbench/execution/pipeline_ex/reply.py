"""Takes the model's reply out of what a step of pipeline_ex saved: an envelope of JSON that tells how it came about."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from workbench.execution.plan import ESCAPED_LINES, WRAPPED, has_open_fence, problem, unfenced
from workbench.models.claude_program import ERROR_CHARACTERS, says_error

#: pipeline_ex's JSON reader leaves a reply's escapes as they were sent; two of them make no plan of one line.
ESCAPED = "\\n"

LITERAL = "pipeline_ex left its line breaks as literal \\n; they were turned back"
UNREAD = "pipeline_ex passed claude's messages on unread; the reply was taken out of them"
UNREAD_PARTS = "pipeline_ex passed some of claude's messages on unread; the reply was taken out of them"
UNANSWERED = (
    "nothing that the step saved proves that the claude program answered: there is no result message, which only the "
    "output format stream_json always keeps"
)
#: A part of a message that is no text, as a claude step prints it between the texts.
INSPECTED = re.compile(r'%\{"[^\n]*"type" => "(?:\w*thinking|\w*tool_use|\w*tool_result)"[^\n]*\}\s*\Z')


@dataclass(frozen=True)
class Reply:
    """`wrong` is a failure's kind and sentence, or None; `note` names what was done to the text, or is empty.

    `proved` says that a result message of success stands in the text; `unlogged` counts the answers to questions that
    are not logged: those of a loop or a batch are all in what it saved.
    """

    text: str
    wrong: tuple[str, str] | None = None
    note: str = ""
    proved: bool = False
    unlogged: int = 0
    #: The reply was cut off: a block of Gemini's is open. pipeline_ex does not tell its finish reason.
    cut: bool = False


def opened(saved: str) -> Reply:
    """Return the reply in a saved text. A text without an envelope is the reply itself."""
    envelope = _envelope(saved)
    if envelope is None:
        return Reply(saved)
    answers = list(_unlogged(envelope))
    for answer in answers:
        if answer is not envelope and (wrong := _taken(answer, saved).wrong) is not None:
            return Reply("", wrong)
    return replace(_taken(envelope, saved), unlogged=len(answers))


def error_in(text: str) -> str | None:
    """Return the error of the claude program's that a reply is or ends with; None if it has none.

    The wrapper that pipeline_ex puts around a reply is no part of it. A text that is a plan as it stands has no error.
    """
    wrapped = WRAPPED.match(text)
    reply = wrapped["reply"] if wrapped else text
    if says_error(reply) and problem(unfenced(text)) is not None:
        return reply
    # After an answer of several turns, the error is the last text.
    last = reply.rstrip()[-ERROR_CHARACTERS:].rpartition("\n")[2].strip()
    return last if says_error(last) and problem(text) is not None else None


def error_message(error: str, author: str = "the claude program's") -> str:
    """Return the message for a reply that is an error."""
    return f"{author} reply is an error: {' '.join(error.split())[:300]}"


def _taken(envelope: dict[str, Any], saved: str) -> Reply:
    if (wrong := _wrong(envelope)) is not None:
        return Reply("", wrong)
    text = envelope.get("text")
    if not isinstance(text, str):
        return Reply(saved)
    if _is_gemini(envelope):
        return _gemini(text)
    reply = _decoded(_unwrapped(text))
    if "session_id" not in envelope or reply.wrong is not None:
        return reply
    if (said := error_in(reply.text)) is not None:
        return Reply("", ("crashed", error_message(said)))
    return reply if reply.proved or _answered(envelope) else Reply("", ("no result", UNANSWERED))


def _is_gemini(envelope: dict[str, Any]) -> bool:
    """Return whether a gemini step saved this. It saves the tokens, and no step that asks the claude program does."""
    return "session_id" not in envelope and isinstance(envelope.get("tokens"), dict)


def _gemini(text: str) -> Reply:
    """Return Gemini's reply."""
    if (error := error_in(text)) is not None:
        return Reply("", ("crashed", error_message(error, "Gemini's")))
    return Reply(text, cut=has_open_fence(text))


def _unwrapped(text: str) -> str:
    """Return the reply that a claude_extract step with the format json put into a JSON object; else the text itself."""
    if not text.startswith("{"):
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    wrapped = isinstance(value, dict) and set(value) == {"content", "format"} and value["format"] == "json"
    return value["content"] if wrapped and isinstance(value["content"], str) else text


def _unlogged(saved: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the envelopes of steps whose questions are not logged. They hold the id of claude's session."""
    waiting: list[Any] = [saved]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict) and "session_id" in one and isinstance(one.get("text"), str):
            yield one
        elif isinstance(one, dict | list):
            waiting += one.values() if isinstance(one, dict) else one


def _envelope(saved: str) -> dict[str, Any] | None:
    if not saved.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(saved)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "success" in value else None


def _wrong(envelope: dict[str, Any]) -> tuple[str, str] | None:
    why = str(envelope.get("original_error") or envelope.get("error") or envelope.get("reason") or "no reason given")
    if envelope.get("mock_mode"):
        return "mock used", "a mock wrote this reply: TEST_MODE is not live"
    if any(envelope.get(name) for name in ("degraded_mode", "emergency_mode", "cached_response", "fallback_type")):
        return "fallback used", f"the step failed, and its fallback wrote the reply: {why[:300]}"
    if envelope.get("skipped"):
        return "no file", f"the step was skipped: {why[:300]}"
    if envelope.get("success") is not True:
        return "crashed", f"the step did not succeed: {why[:300]}"
    if isinstance(failed := envelope.get("failed_tasks"), int) and failed > 0:
        return "crashed", f"{failed} of the step's tasks failed: {_task_errors(envelope)[:300] or why[:300]}"
    return None


def _task_errors(envelope: dict[str, Any]) -> str:
    results = envelope.get("batch_results")
    tasks = [one for one in results if isinstance(one, dict)] if isinstance(results, list) else []
    return "; ".join(str(task["error"]) for task in tasks if task.get("error"))


def _answered(envelope: dict[str, Any]) -> bool:
    """Return whether a step whose questions are not logged saved a trace of a result message.

    With `debug_mode` it saves the types of its messages. pipeline_ex stops at a result that is no success, and takes
    the cost from the result; without a result it fills in a whole 0. The text is no trace: with the output format json
    pipeline_ex keeps the model's text and drops the result, so a failed answer looks like a good one.
    """
    debug = envelope.get("debug_info")
    types = debug.get("message_types") if isinstance(debug, dict) else None
    if isinstance(types, list):
        results = [one for one in types if isinstance(one, dict) and one.get("type") == "result"]
        return bool(results) and results[-1].get("subtype") == "success"
    return type(envelope.get("cost")) is not int or envelope["cost"] != 0


def _decoded(text: str) -> Reply:
    """Return a reply in which escapes or messages of JSON are turned back into text."""
    lines = [(line, _messages(line)) for line in text.split("\n")]
    messages = [one for _, found in lines for one in found]
    if not messages:
        turned = _unescaped(text)
        return Reply(text) if turned is None else Reply(turned, note=LITERAL)
    result = next((one for one in reversed(messages) if one["type"] == "result"), None)
    if result is not None and (result.get("subtype") != "success" or result.get("is_error")):
        errors = result.get("errors")
        error = "; ".join(map(str, errors)) if isinstance(errors, list) else result.get("error")
        why = f"{result.get('subtype')}: {result.get('result') or error or 'no reason given'}"
        return Reply("", ("no result", f"the claude program gave no good result: {why[:300]}"))
    said: list[str] = []
    for line, found in lines:
        if not found and not (result is not None and INSPECTED.match(line)):
            said.append(_unescaped(line) or line)
        said += [text for one in found if one["type"] == "assistant" for text in _texts(one)]
    if result is None:
        return Reply("\n".join(said), note=UNREAD_PARTS)
    # With the output format json and without `verbose`, there is no other message.
    return Reply("\n".join(said or [str(result.get("result") or "")]), note=UNREAD, proved=True)


def _unescaped(text: str) -> str | None:
    """Return the text with its JSON escapes decoded; None if it has none, or has more lines than literal breaks.

    Each of the model's turns is a line; several short ones can stand before the plan, which then shows its own lines.
    """
    lines = text.strip().split("\n")
    if text.count(ESCAPED) < 2 or (len(lines) > text.count(ESCAPED) and len(ESCAPED_LINES.findall(text)) < 2):
        return None
    try:
        return "\n".join(str(json.loads(f'"{line}"')) for line in lines)
    except ValueError:
        return None


def _messages(line: str) -> list[dict[str, Any]]:
    """Return the messages in a line of claude's output that pipeline_ex passed on unread: one, or a document of all."""
    if not line.startswith(("{", "[")):
        return []
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return []
    found = value if isinstance(value, list) else [value]
    kinds = ("assistant", "result", "system", "user")
    messages = all(isinstance(one, dict) and one.get("type") in kinds for one in found)
    return found if messages else []


def _texts(message: dict[str, Any]) -> list[str]:
    inner = message.get("message")
    content = inner.get("content") if isinstance(inner, dict) else None
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
