"""Read requests and write replies in Anthropic's protocol: `POST /v1/messages`."""

from __future__ import annotations

import json
from typing import Any

from workbench.rehearsal.model_request import Message, ModelRequest

#: Anthropic's error types by HTTP status.
ERROR_TYPES = {
    400: "invalid_request_error",
    404: "not_found_error",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
}


def read(body: dict[str, Any]) -> ModelRequest:
    """Return the request in the body of an HTTP request."""
    tool = _forced_tool(body.get("tools", []), body.get("tool_choice", {}))
    return ModelRequest(
        model=body["model"],
        system="\n".join(_texts(body.get("system") or "")),
        messages=tuple(Message(message["role"], tuple(_texts(message["content"]))) for message in body["messages"]),
        schema=tool["input_schema"] if tool else (body.get("output_config") or {}).get("format", {}).get("schema"),
        seed=None,
        tool=tool["name"] if tool else None,
    )


def reply(request: ModelRequest, text: str) -> dict[str, Any]:
    """Return the body of the reply with this text, or with this JSON if the request forces a tool.

    Four characters count as one token.
    """
    input_length = sum(len(part) for message in request.messages for part in message.texts)
    content: dict[str, Any] = {"type": "text", "text": text}
    if request.tool is not None:
        content = {"type": "tool_use", "id": "toolu_rehearsal", "name": request.tool, "input": json.loads(text)}
    return {
        "id": "msg_rehearsal",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [content],
        "stop_reason": "end_turn" if request.tool is None else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": input_length // 4, "output_tokens": len(text) // 4},
    }


def error(status: int, message: str) -> dict[str, Any]:
    """Return the body of a reply that reports an error."""
    return {"type": "error", "error": {"type": ERROR_TYPES.get(status, "api_error"), "message": message}}


def _forced_tool(tools: list[dict[str, Any]], choice: dict[str, Any]) -> dict[str, Any] | None:
    """Return the tool that the request forces, or None. If it forces any of its tools, return the last one.

    A real model may also choose a tool that is not forced. The scripted models never do.
    """
    if choice.get("type") == "any" and tools:
        return tools[-1]
    name = choice.get("name") if choice.get("type") == "tool" else None
    return next((tool for tool in tools if tool["name"] == name), None)


def _texts(content: str | list[dict[str, Any]]) -> list[str]:
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]
