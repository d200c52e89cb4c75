"""Anthropic's protocol: `POST /v1/messages`."""

from __future__ import annotations

import json
from typing import Any

from workbench.rehearsal.model_request import Message, ModelRequest

TYPE = {
    400: "invalid_request_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
}


def read(body: dict[str, Any]) -> ModelRequest:
    tool = _forced(body.get("tools", []), body.get("tool_choice", {}))
    return ModelRequest(
        model=body["model"],
        system="\n".join(_texts(body.get("system") or "")),
        messages=tuple(Message(message["role"], tuple(_texts(message["content"]))) for message in body["messages"]),
        schema=tool["input_schema"] if tool else None,
        seed=None,
        tool=tool["name"] if tool else None,
    )


def reply(asked: ModelRequest, text: str) -> dict[str, Any]:
    said = sum(len(part) for message in asked.messages for part in message.texts)
    content: dict[str, Any] = {"type": "text", "text": text}
    if asked.tool is not None:
        content = {"type": "tool_use", "id": "toolu_rehearsal", "name": asked.tool, "input": json.loads(text)}
    return {
        "id": "msg_rehearsal",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [content],
        "stop_reason": "end_turn" if asked.tool is None else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": said // 4, "output_tokens": len(text) // 4},
    }


def error(status: int, message: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": TYPE.get(status, "api_error"), "message": message}}


def _forced(tools: list[dict[str, Any]], choice: dict[str, Any]) -> dict[str, Any] | None:
    """The tool that has to be used, if one has. Where the model may choose, this one answers in words."""
    if choice.get("type") == "any" and tools:
        return tools[-1]
    wanted = choice.get("name") if choice.get("type") == "tool" else None
    return next((tool for tool in tools if tool["name"] == wanted), None)


def _texts(content: str | list[dict[str, Any]]) -> list[str]:
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]
