"""The tables of endings are total over the providers' own enumerations, and only a complete reply is an answer."""

from __future__ import annotations

from typing import get_args

import pytest
from anthropic.types import StopReason
from google.genai import types

from workbench.models.reply import ANTHROPIC, GEMINI, GEMINI_BLOCKED, Ending, read


def test_the_tables_name_every_reason_of_the_sdks() -> None:
    """A new version of an SDK that adds a reason makes this test fail."""
    assert set(GEMINI) == {reason.value for reason in types.FinishReason}
    assert set(GEMINI_BLOCKED) == {reason.value for reason in types.BlockedReason}
    assert set(ANTHROPIC) == set(get_args(StopReason))


@pytest.mark.parametrize("reason", [*types.FinishReason, "A_REASON_OF_TOMORROW", None])
def test_only_stop_is_a_complete_reply_of_gemini(reason: str | None) -> None:
    """Half a text with another reason is no answer. A reason that is unknown or missing is a failure."""
    candidate = {"content": {"parts": [{"text": "half"}]}, "finishReason": reason}
    reply = read("gemini", {"candidates": [candidate]})
    assert (reply.ending is Ending.COMPLETE) == (reason == "STOP")
    if reason not in GEMINI:
        assert reply.ending is Ending.PASSING


@pytest.mark.parametrize(
    ("reason", "ending"),
    [
        ("end_turn", Ending.COMPLETE),
        ("max_tokens", Ending.CUT_OFF),
        ("model_context_window_exceeded", Ending.CUT_OFF),
        ("refusal", Ending.REFUSED),
        ("pause_turn", Ending.PASSING),
        ("a_reason_of_tomorrow", Ending.PASSING),
        (None, Ending.PASSING),
    ],
)
def test_anthropics_stop_reason_decides(reason: str | None, ending: Ending) -> None:
    """Thinking blocks are no part of the text, and several text blocks are one text."""
    content = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    reply = read("anthropic", {"content": content, "stop_reason": reason, "model": "claude-sonnet-5-5"})
    assert (reply.text, reply.ending, reply.model) == ("ab", ending, "claude-sonnet-5-5")


def test_a_refusal_is_explained() -> None:
    """The provider's own explanation is in the reason."""
    refused = {"content": [], "stop_reason": "refusal", "stop_details": {"explanation": "about weapons"}}
    assert "about weapons" in read("anthropic", refused).reason
    message = {"choices": [{"finish_reason": "stop", "message": {"refusal": "I cannot", "content": None}}]}
    assert read("openai", message).ending is Ending.REFUSED


@pytest.mark.parametrize("provider", ["gemini", "anthropic", "openai"])
@pytest.mark.parametrize("body", [None, [], {}, {"candidates": [None]}, {"choices": "x", "content": 3}, "text"])
def test_a_body_of_any_form_is_a_failure(provider: str, body: object) -> None:
    """It is neither an answer nor a crash."""
    assert read(provider, body).ending is Ending.PASSING  # type: ignore[arg-type]
