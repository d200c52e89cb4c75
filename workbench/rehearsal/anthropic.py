"""Anthropic's protocol: `POST /v1/messages`."""

from __future__ import annotations

from typing import Any

from workbench.rehearsal.asked import Asked, Message

TYPE = {
    400: "invalid_request_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
}


def read(body: dict[str, Any]) -> Asked:
    return Asked(
        model=body["model"],
        system="\n".join(_texts(body.get("system") or "")),
        messages=tuple(Message(message["role"], tuple(_texts(message["content"]))) for message in body["messages"]),
        schema=None,
        seed=None,
    )


def reply(asked: Asked, text: str) -> dict[str, Any]:
    said = sum(len(part) for message in asked.messages for part in message.texts)
    return {
        "id": "msg_rehearsal",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": said // 4, "output_tokens": len(text) // 4},
    }


def error(status: int, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": TYPE.get(status, "api_error"), "message": message}}


def _texts(content: str | list[dict[str, Any]]) -> list[str]:
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]
