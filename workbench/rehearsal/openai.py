"""Read requests and write replies in OpenAI's chat protocol: `POST /v1/chat/completions`."""

from __future__ import annotations

from typing import Any

from workbench.models.schema_words import schema_in
from workbench.rehearsal.model_request import Message, ModelRequest

#: OpenAI's error types by HTTP status.
ERROR_TYPES = {400: "invalid_request_error", 404: "invalid_request_error", 429: "rate_limit_exceeded"}


def read(body: dict[str, Any]) -> ModelRequest:
    """Return the request in the body of an HTTP request."""
    messages = [(message["role"], _texts(message["content"])) for message in body["messages"]]
    return ModelRequest(
        model=body["model"],
        system="\n".join(text for role, texts in messages for text in texts if role in ("system", "developer")),
        messages=tuple(Message(role, tuple(texts)) for role, texts in messages if role in ("user", "assistant")),
        schema=_schema(body.get("response_format") or {}, messages[-1][1] if messages else []),
        seed=body.get("seed"),
    )


def reply(request: ModelRequest, text: str) -> dict[str, Any]:
    """Return the body of the reply with this text. Four characters count as one token."""
    input_tokens = sum(len(part) for message in request.messages for part in message.texts) // 4
    message = {"role": "assistant", "content": text, "refusal": None}
    return {
        "id": "chatcmpl-rehearsal",
        "object": "chat.completion",
        "created": 0,
        "model": request.model,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {
            "prompt_tokens": input_tokens,
            "completion_tokens": len(text) // 4,
            "total_tokens": input_tokens + len(text) // 4,
        },
    }


def error(status: int, message: str) -> dict[str, Any]:
    """Return the body of a reply that reports an error."""
    return {"error": {"message": message, "type": ERROR_TYPES.get(status, "server_error"), "param": None, "code": None}}


def _schema(response_format: dict[str, Any], last_texts: list[str]) -> dict[str, Any] | None:
    """Return the schema of the answer, or None for a plain text. If any JSON fits, the schema is empty.

    A request to a service that takes no schema has it in the words of its last message.
    """
    match response_format.get("type"):
        case "json_schema":
            schema: dict[str, Any] = response_format["json_schema"]["schema"]
            return schema
        case "json_object":
            return {}
        case _:
            return schema_in(last_texts[-1]) if last_texts else None


def _texts(content: str | list[dict[str, Any]]) -> list[str]:
    return [content] if isinstance(content, str) else [part.get("text", "") for part in content]
