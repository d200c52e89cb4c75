"""Builds every kind of reply of Anthropic and Gemini from the official SDKs' types, for the tests of the runtime.

The runtime's tests serve the replies of `runtime/test/data/replies.json`. This command writes that file:

    .venv/bin/python -m tests.support.official_replies

A test compares the file with the replies that the installed SDKs build, so a new SDK turns it red.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import anthropic
from anthropic import types as claude
from anthropic.pagination import SyncPage
from anthropic.types import shared
from google.genai import types as gemini
from pydantic import BaseModel

from tests.support.official_types import blocked, candidate, message, text, thinking, tool_use
from tests.support.scripted_server import Reply

#: An error: its status, its headers by name, and its body.
ErrorReply = dict[str, Any]

FILE = Path(__file__).parents[2] / "runtime" / "test" / "data" / "replies.json"

PLAN = "title: a plan"
QUOTA = "You exceeded your current quota, please check your plan and billing details."
TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."


def _quota(name: str) -> list[dict[str, Any]]:
    """Return the details of a used-up quota of Gemini, with the time to wait."""
    return [
        {"@type": "type.googleapis.com/google.rpc.Help"},
        {
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{"quotaId": name, "quotaValue": "10"}],
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1.5s"},
    ]


def _info(reason: str) -> list[dict[str, Any]]:
    """Return the details of an error of Gemini that name its reason."""
    return [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}]


#: The status of each error of Anthropic's, from the SDK's exceptions where they name one.
STATUS = {
    "invalid_request_error": anthropic.BadRequestError.status_code,
    "authentication_error": anthropic.AuthenticationError.status_code,
    "billing_error": anthropic.PaymentRequiredError.status_code,
    "permission_error": anthropic.PermissionDeniedError.status_code,
    "not_found_error": anthropic.NotFoundError.status_code,
    "rate_limit_error": anthropic.RateLimitError.status_code,
    "timeout_error": anthropic.GatewayTimeoutError.status_code,
    "api_error": 500,
    "overloaded_error": anthropic.OverloadedError.status_code,
}

#: The errors of Anthropic's whose details name their cause.
DETAILED: tuple[type[anthropic.APIStatusError], ...] = (
    shared.ContractSpendLimitReachedError,
    shared.EnforcedSpendLimitReachedError,
    shared.LinkedOrganizationSpendLimitReachedError,
    shared.OrganizationOnHoldError,
    shared.RampLimitExceededError,
    shared.RequestBodyTooLargeAfterDecodingError,
)

#: The errors of Gemini by name: code, status, sentence, and details. The SDK has no types for the details.
GEMINI_ERRORS: dict[str, tuple[int, str, str, list[dict[str, Any]]]] = {
    "per_minute": (429, "RESOURCE_EXHAUSTED", QUOTA, _quota("GenerateRequestsPerMinutePerProjectPerModel-FreeTier")),
    "per_day": (429, "RESOURCE_EXHAUSTED", QUOTA, _quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")),
    "no_credit": (429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", []),
    "rejected_key": (400, "INVALID_ARGUMENT", "API key not valid.", _info("API_KEY_INVALID")),
    "suspended": (403, "PERMISSION_DENIED", "Permission denied.", _info("CONSUMER_SUSPENDED")),
    "unknown_model": (404, "NOT_FOUND", "models/gemini-2.5-flash is not found", []),
    "too_long": (400, "INVALID_ARGUMENT", TOO_LONG, []),
    "bad_request": (400, "INVALID_ARGUMENT", "Request contains an invalid argument.", []),
    "internal": (500, "INTERNAL", "An internal error has occurred.", []),
    "unavailable": (503, "UNAVAILABLE", "The model is overloaded.", []),
}


def document() -> dict[str, Any]:
    """Return the content of the file: the SDKs' versions, and by provider its replies, reasons, errors and models."""
    return {
        "sdks": {name: version(name) for name in ("anthropic", "google-genai")},
        "anthropic": {
            "replies": _bodies(anthropic_replies()),
            "stop_reasons": _bodies({reason: stopped(reason) for reason in get_args(claude.StopReason)}),
            "errors": anthropic_errors(),
            "models": _wire(_models_of_anthropic()),
        },
        "gemini": {
            "replies": _bodies(gemini_replies()),
            "finish_reasons": _bodies({member.value: finished(member.value) for member in gemini.FinishReason}),
            "block_reasons": _bodies({member.value: blocked(member.value) for member in gemini.BlockedReason}),
            "errors": gemini_errors(),
        },
    }


def written() -> str:
    """Return the text of the file."""
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


def anthropic_replies() -> dict[str, Reply]:
    """Return Anthropic's replies by name: with thinking first, several texts, tools, and without content."""
    read, write = tool_use("Read", {"path": "a.md"}), tool_use("Write", {"path": "b.md", "content": "x"}, "toolu_2")
    return {
        "text": message(text(PLAN)),
        "thinking_first": message(*thinking(), text(PLAN)),
        "several_texts": message(*thinking(), text("a: "), text("\n"), text("1")),
        "tool": message(read, stop="tool_use"),
        "tools_with_text": message(text("Let me see."), read, write, stop="tool_use"),
        "tools_with_thinking": message(*thinking(), text("Let me see."), read, write, stop="tool_use"),
        "empty": message(),
        "counted": (200, {**message(text(PLAN))[1], "usage": _wire(_every_count())}),
    }


def _every_count() -> claude.Usage:
    return claude.Usage(
        input_tokens=1,
        cache_read_input_tokens=2,
        cache_creation_input_tokens=3,
        output_tokens=10,
        output_tokens_details=claude.OutputTokensDetails(thinking_tokens=4),
    )


def stopped(reason: str) -> Reply:
    """Return Anthropic's reply that ends for this reason, with the fields that the SDK's types have for this reason."""
    if reason == "tool_use":
        return message(tool_use("Read", {"path": "a.md"}), stop=reason)
    status, body = message(text(PLAN), stop=reason)
    if reason == "refusal":
        body["stop_details"] = _wire(
            claude.RefusalStopDetails(type="refusal", category="cyber", explanation="It asks for an exploit.")
        )
    if reason == "stop_sequence":
        body["stop_sequence"] = "END"
    return status, body


def anthropic_errors() -> dict[str, ErrorReply]:
    """Return Anthropic's errors by name: one for each type of the SDK, and those whose details name their cause."""
    replies = {kind: _anthropic_error(kind, STATUS[kind]) for kind in _error_types()}
    replies["rate_limit_error"]["headers"] = {"retry-after": "1"}
    kinds = {status: kind for kind, status in STATUS.items()}
    for error in DETAILED:
        details = error.__annotations__["details"](error_code=get_args(error.__annotations__["error_code"])[0])
        replies[details.error_code] = _anthropic_error(
            kinds.get(error.status_code, "invalid_request_error"), error.status_code, details
        )
    return replies


def _error_types() -> list[str]:
    """Return the types of the errors that the SDK knows."""
    members = get_args(get_args(shared.ErrorObject)[0])
    return [get_args(member.model_fields["type"].annotation)[0] for member in members]


def _anthropic_error(kind: str, status: int, details: BaseModel | None = None) -> ErrorReply:
    error = {"type": kind, "message": f"A sentence about {kind}."}
    body = _wire(claude.ErrorResponse.model_validate({"type": "error", "error": error, "request_id": "req_1"}))
    if details:
        body["error"]["details"] = _wire(details)
    return {"status": status, "headers": {}, "body": body}


def _models_of_anthropic() -> SyncPage[claude.ModelInfo]:
    """Return a page of Anthropic's list of models, with a model that can no longer be asked."""
    states: list[tuple[str, Any]] = [("claude-opus-5-5", "active"), ("claude-2", "retired")]
    created = datetime(2026, 1, 1, tzinfo=UTC)
    models = [
        claude.ModelInfo(id=name, created_at=created, display_name=name, lifecycle=state, type="model")
        for name, state in states
    ]
    return SyncPage[claude.ModelInfo](data=models, has_more=False, first_id=models[0].id, last_id=models[-1].id)


def gemini_replies() -> dict[str, Reply]:
    """Return Gemini's replies by name: with a thought first, several texts, all counts, and without content."""
    return {
        "text": _gemini(gemini.Part(text=PLAN)),
        "thought_first": _gemini(
            gemini.Part(text="Let me see.", thought=True), gemini.Part(text=PLAN, thought_signature=b"abc")
        ),
        "several_texts": candidate("a: ", "\n", "1"),
        "empty": _gemini(),
        "no_content": _gemini(finish=gemini.FinishReason.MALFORMED_FUNCTION_CALL, content=False),
        "counted": _gemini(gemini.Part(text=PLAN), cached=60),
    }


def finished(reason: str) -> Reply:
    """Return Gemini's reply that ends for this reason."""
    return _gemini(gemini.Part(text=PLAN), finish=gemini.FinishReason(reason))


def _gemini(
    *parts: gemini.Part,
    finish: gemini.FinishReason = gemini.FinishReason.STOP,
    content: bool = True,
    cached: int | None = None,
) -> Reply:
    reply = gemini.GenerateContentResponse(
        candidates=[
            gemini.Candidate(
                content=gemini.Content(role="model", parts=list(parts) or None) if content else None,
                finish_reason=finish,
                index=0,
            )
        ],
        usage_metadata=gemini.GenerateContentResponseUsageMetadata(
            prompt_token_count=900,
            cached_content_token_count=cached,
            candidates_token_count=40,
            thoughts_token_count=8000,
            total_token_count=8940,
        ),
        model_version="gemini-3.8-flash",
    )
    return 200, _wire(reply)


def gemini_errors() -> dict[str, ErrorReply]:
    """Return Gemini's errors by name, with the SDK's types for the parts for which it has types."""
    return {name: _gemini_error(*error) for name, error in GEMINI_ERRORS.items()}


def _gemini_error(code: int, status: str, sentence: str, details: list[dict[str, Any]]) -> ErrorReply:
    error = gemini.GoogleRpcStatus(code=code, message=sentence, details=details or None)
    return {"status": code, "headers": {}, "body": {"error": {**_wire(error), "status": status}}}


def _wire(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def _bodies(replies: dict[str, Reply]) -> dict[str, Any]:
    """Return the body of each reply. All of these replies have status 200."""
    return {name: reply[1] for name, reply in replies.items()}


if __name__ == "__main__":
    FILE.write_text(written(), encoding="utf-8")
