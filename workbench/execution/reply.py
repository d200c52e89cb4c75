"""What a step of pipeline_ex saved: the model's reply, in an envelope of JSON that tells how it came about."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

#: pipeline_ex's JSON reader leaves a reply's escapes as they were sent; two of them make no plan of one line.
ESCAPED = "\\n"

LITERAL = "pipeline_ex left its line breaks as literal \\n; they were turned back"
UNREAD = "pipeline_ex passed claude's messages on unread; the reply was taken out of them"
UNREAD_PARTS = "pipeline_ex passed some of claude's messages on unread; the reply was taken out of them"


@dataclass(frozen=True)
class Reply:
    """`wrong` is a failure's kind and sentence, or None; `note` names what was done to the text, or is empty."""

    text: str
    wrong: tuple[str, str] | None = None
    note: str = ""


def opened(saved: str) -> Reply:
    """Take a reply out of what was saved. A text that is in no envelope is the reply itself."""
    envelope = _envelope(saved)
    if envelope is None:
        return Reply(saved)
    if (wrong := _wrong(envelope)) is not None:
        return Reply("", wrong)
    if not isinstance(envelope.get("text"), str):
        return Reply(saved)
    reply = _decoded(envelope["text"])
    if reply.wrong is None and reply.note != UNREAD and _unanswered(envelope):
        return Reply("", ("no result", "the claude program ended without a result"))
    return reply


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
        return "crashed", f"{failed} of the step's tasks failed"
    return None


def _unanswered(envelope: dict[str, Any]) -> bool:
    """What pipeline_ex fills in where there was no result message: a whole 0 for costs, a session that it invents."""
    session = envelope.get("session_id")
    if isinstance(session, str) and session.startswith("unknown-session-"):
        return True
    return "session_id" in envelope and type(envelope.get("cost")) is int and envelope["cost"] == 0


def _decoded(text: str) -> Reply:
    """A reply whose escapes, or some of whose messages, are still those of JSON."""
    messages = [_message(line) for line in text.split("\n")]
    if not any(messages):
        turned = _unescaped(text)
        return Reply(text) if turned is None else Reply(turned, note=LITERAL)
    result = next((one for one in messages if one and one["type"] == "result"), None)
    if result is not None and (result.get("subtype") != "success" or result.get("is_error")):
        why = str(result.get("result") or result.get("error") or result.get("subtype"))
        return Reply("", ("no result", f"the claude program gave no good result: {why[:300]}"))
    said: list[str] = []
    for line, message in zip(text.split("\n"), messages, strict=True):
        if message is None:
            said.append(_unescaped(line) or line)
        elif message["type"] == "assistant":
            said += _texts(message)
    return Reply("\n".join(said), note=UNREAD if result else UNREAD_PARTS)


def _unescaped(text: str) -> str | None:
    """None where it is as it should be: more lines than literal breaks, or no text of JSON's."""
    if text.count(ESCAPED) < 2 or len(text.strip().split("\n")) > text.count(ESCAPED):
        return None
    try:
        return "\n".join(str(json.loads(f'"{line}"')) for line in text.strip().split("\n"))
    except ValueError:
        return None


def _message(line: str) -> dict[str, Any] | None:
    """A line of claude's own output, which pipeline_ex passed on unread."""
    if not line.startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and value.get("type") in ("assistant", "result", "system", "user") else None


def _texts(message: dict[str, Any]) -> list[str]:
    inner = message.get("message")
    content = inner.get("content") if isinstance(inner, dict) else None
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
