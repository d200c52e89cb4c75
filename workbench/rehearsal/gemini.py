"""Read requests and write replies in Gemini's protocol: `POST /{version}/models/{model}:generateContent`."""

from __future__ import annotations

from typing import Any

from workbench.rehearsal.model_request import Message, ModelRequest

#: Gemini's error statuses by HTTP status.
ERROR_STATUSES = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}


def read(model: str, body: dict[str, Any]) -> ModelRequest:
    """Return the request that stands in the path (the model) and the body of an HTTP request."""
    config = body.get("generationConfig") or {}
    system = body.get("systemInstruction") or {}
    return ModelRequest(
        model=model,
        system="\n".join(part.get("text", "") for part in system.get("parts", [])),
        messages=tuple(
            Message(
                "assistant" if content.get("role") == "model" else "user",
                tuple(part.get("text", "") for part in content.get("parts", [])),
            )
            for content in body["contents"]
        ),
        schema=_schema(config),
        seed=config.get("seed"),
    )


def reply(request: ModelRequest, text: str) -> dict[str, Any]:
    """Return the body of the reply with this text. Four characters count as one token."""
    input_tokens, output_tokens = _input_tokens(request), len(text) // 4
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": input_tokens,
            "candidatesTokenCount": output_tokens,
            "totalTokenCount": input_tokens + output_tokens,
        },
        "modelVersion": request.model,
    }


def error(status: int, message: str) -> dict[str, Any]:
    """Return the body of a reply that reports an error."""
    return {"error": {"code": status, "message": message, "status": ERROR_STATUSES.get(status, "UNKNOWN")}}


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    """Return the schema of the answer, or None for a plain text.

    A request may ask for JSON without a schema. Then any JSON fits, which is the empty schema.
    """
    schema: dict[str, Any] | None = config.get("responseSchema") or config.get("responseJsonSchema")
    return {} if schema is None and config.get("responseMimeType") == "application/json" else schema


def _input_tokens(request: ModelRequest) -> int:
    return sum(len(text) for message in request.messages for text in message.texts) // 4
