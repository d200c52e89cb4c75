"""Gemini's protocol: `POST /{version}/models/{model}:generateContent`."""

from __future__ import annotations

from typing import Any

from workbench.rehearsal.model_request import Message, ModelRequest

STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}


def read(model: str, body: dict[str, Any]) -> ModelRequest:
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


def reply(asked: ModelRequest, text: str) -> dict[str, Any]:
    return {
        "candidates": [{"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {
            "promptTokenCount": (said := _tokens(asked)),
            "candidatesTokenCount": len(text) // 4,
            "totalTokenCount": said + len(text) // 4,
        },
        "modelVersion": asked.model,
    }


def error(status: int, message: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN")}}


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    """JSON may be wanted without a schema: then any will do."""
    schema: dict[str, Any] | None = config.get("responseSchema") or config.get("responseJsonSchema")
    return {} if schema is None and config.get("responseMimeType") == "application/json" else schema


def _tokens(asked: ModelRequest) -> int:
    return sum(len(text) for message in asked.messages for text in message.texts) // 4
