"""The official SDKs' own types as the truth about the protocols of Anthropic and Gemini.

`request_problems` validates a request that we sent, and refuses unknown fields. `message` and `candidate` make replies.
So a new version of an SDK that changes a type turns tests red.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from anthropic import types as anthropic
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming
from google.genai import types as gemini
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

from tests.support.scripted_server import Reply


class GenerateContent(BaseModel):
    """The body of Gemini's `generateContent`. The SDK has a type for each of its parts, and none for the whole."""

    model_config = ConfigDict(extra="forbid")

    contents: list[gemini.Content] = Field(min_length=1)
    generation_config: gemini.GenerationConfig | None = Field(default=None, alias="generationConfig")
    system_instruction: gemini.Content | None = Field(default=None, alias="systemInstruction")


#: What Anthropic's service still takes for its older models, and its types have dropped. It is sent if the user asks.
DROPPED = ("temperature",)


def request_problems(path: str, body: dict[str, Any]) -> list[str]:
    """Return what the official types refuse in a request to Anthropic or Gemini."""
    if path == "/v1/messages":
        typed = {key: value for key, value in body.items() if key not in DROPPED}
        return _problems(_strict(MessageCreateParamsNonStreaming), typed)
    if path.startswith("/v1beta/models/") and path.endswith(":generateContent"):
        return _problems(TypeAdapter(GenerateContent).validator, body) or _not_in_the_wires_spelling(body)
    return [f"{path} is no path of Anthropic's or Gemini's"]


def reply_problems(provider: str, body: dict[str, Any]) -> list[str]:
    """Return what the official types refuse in a reply of this provider."""
    if provider == "anthropic":
        return _problems(_strict(anthropic.Message), body)
    return _problems(TypeAdapter(gemini.GenerateContentResponse).validator, body) or _not_in_the_wires_spelling(body)


def message(*blocks: anthropic.ContentBlock, stop: str = "end_turn", model: str = "claude-sonnet-5-5") -> Reply:
    """Return Anthropic's reply with these blocks. `stop` is a member of `StopReason`."""
    reply = anthropic.Message(
        id="msg_1",
        type="message",
        role="assistant",
        model=model,
        content=list(blocks),
        stop_reason=stop,  # type: ignore[arg-type]  # tests take the reasons from the type itself
        usage=anthropic.Usage(input_tokens=10, output_tokens=5),
    )
    return 200, reply.model_dump(mode="json", exclude_none=True)


def text(value: str) -> anthropic.TextBlock:
    return anthropic.TextBlock(type="text", text=value)


def thinking() -> list[anthropic.ContentBlock]:
    """Return the blocks that newer models send before their answer."""
    return [
        anthropic.ThinkingBlock(type="thinking", thinking="Let me see.", signature="c2ln"),
        anthropic.RedactedThinkingBlock(type="redacted_thinking", data="ZGF0YQ"),
    ]


def tool_use(name: str, tool_input: dict[str, object], identifier: str = "toolu_1") -> anthropic.ToolUseBlock:
    return anthropic.ToolUseBlock(type="tool_use", id=identifier, name=name, input=tool_input)


def candidate(*texts: str, finish: str = "STOP", model: str = "gemini-3.8-flash") -> Reply:
    """Return Gemini's reply with a thought and these texts. `finish` is a member of `FinishReason`."""
    parts = [gemini.Part(text="Let me see.", thought=True), *(gemini.Part(text=value) for value in texts)]
    reply = gemini.GenerateContentResponse(
        candidates=[
            gemini.Candidate(
                content=gemini.Content(role="model", parts=parts), finish_reason=gemini.FinishReason(finish)
            )
        ],
        usage_metadata=gemini.GenerateContentResponseUsageMetadata(
            prompt_token_count=10, candidates_token_count=5, thoughts_token_count=3, total_token_count=18
        ),
        model_version=model,
    )
    return 200, reply.model_dump(mode="json", by_alias=True, exclude_none=True)


def blocked(reason: str) -> Reply:
    """Return Gemini's reply to a prompt that it refuses. `reason` is a member of `BlockedReason`."""
    feedback = gemini.GenerateContentResponsePromptFeedback(block_reason=gemini.BlockedReason(reason))
    reply = gemini.GenerateContentResponse(prompt_feedback=feedback)
    return 200, reply.model_dump(mode="json", by_alias=True, exclude_none=True)


def _problems(validator: Any, body: dict[str, Any]) -> list[str]:
    try:
        validator.validate_python(body)
    except ValidationError as error:
        # A part of a union's name says which member was tried, and may be very long.
        return [f"{'.'.join(str(part)[:40] for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    return []


def _not_in_the_wires_spelling(body: object, place: str = "") -> list[str]:
    """Return the keys of a request to Gemini with an underscore. Its SDK's types accept them, too."""
    if isinstance(body, list):
        return [problem for item in body for problem in _not_in_the_wires_spelling(item, place)]
    if not isinstance(body, dict) or place.endswith("responseJsonSchema"):
        return []
    problems = [f"{place}.{key}: the wire has no underscores" for key in body if "_" in key]
    return problems + [problem for key in body for problem in _not_in_the_wires_spelling(body[key], f"{place}.{key}")]


@functools.cache
def _strict(kind: Any) -> SchemaValidator:
    """Return a validator for a type of an SDK that refuses unknown fields in all of its parts."""
    adapter = TypeAdapter(kind)
    adapter.rebuild(force=True)
    return SchemaValidator(_forbidding(adapter.core_schema))


def _forbidding(schema: Any) -> Any:
    """Return a schema of pydantic's in which no part accepts unknown fields, and in which lists are checked at once."""
    if isinstance(schema, Sequence) and not isinstance(schema, str):
        return type(schema)(_forbidding(item) for item in schema) if isinstance(schema, list | tuple) else schema
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "model":
        # The model's own validator, which is used for its class, accepts unknown fields.
        return {**_forbidding(schema["schema"]), **({"ref": schema["ref"]} if "ref" in schema else {})}
    changed = {key: value if key in ("cls", "metadata") else _forbidding(value) for key, value in schema.items()}
    match schema.get("type"):
        case "typed-dict" | "model-fields":
            changed["extra_behavior"] = "forbid"
            changed.pop("extras_schema", None)
        case "generator":
            changed["type"] = "list"
    return changed
