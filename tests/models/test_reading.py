"""The reason with which a provider ends a reply decides. Only a complete reply is an answer."""

from __future__ import annotations

import pytest

from workbench.models.endings import GEMINI, OPENAI
from workbench.models.reading import read
from workbench.models.reply import Ending


@pytest.mark.parametrize("reason", [*GEMINI, "A_REASON_OF_TOMORROW", None])
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


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("<think>Is it\n\ngood?</think>\n\n{}", "{}"),
        ("\n<thinking>\nhm\n</thinking>{}", "{}"),
        ("The template opened the tag.\n</think>\n\n{}", "{}"),
        ("<think></think>", ""),
        ("Write <think> and </think> tags.", "Write <think> and </think> tags."),
        ("Never write </think> in a plan.", "Never write </think> in a plan."),
        ("<think>not done", "<think>not done"),
    ],
)
def test_the_thoughts_of_a_local_model_are_no_part_of_the_text(content: str, text: str) -> None:
    """Some servers with OpenAI's protocol leave them in the reply."""
    body = {"choices": [{"finish_reason": "stop", "message": {"content": content}}]}
    assert read("openai", body).text == text


def test_the_thoughts_in_a_list_of_parts_are_no_part_of_the_text() -> None:
    """Mistral's thinking models reply with such a list."""
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    content = [thought, {"type": "text", "text": "a "}, {"type": "text", "text": "plan"}]
    body = {"choices": [{"finish_reason": "stop", "message": {"content": content}}]}
    assert read("openai", body).text == "a plan"


@pytest.mark.parametrize("reason", [*OPENAI, "a_reason_of_tomorrow", None])
def test_only_stop_is_a_complete_reply_of_the_chat_protocol(reason: str | None) -> None:
    """Other services have reasons of their own, and a reason that is unknown or missing is a failure."""
    reply = read("openai", {"choices": [{"finish_reason": reason, "message": {"content": "half"}}]})
    assert (reply.ending is Ending.COMPLETE) == (reason == "stop")
    if reason not in OPENAI:
        assert reply.ending is Ending.PASSING


@pytest.mark.parametrize(
    ("code", "status"), [(429, 429), ("502", 502), (200, None), (600, None), ("rate_limited", None), (None, None)]
)
def test_the_error_of_a_choice_says_why_the_reply_ended(code: object, status: int | None) -> None:
    """OpenRouter reports the error of the service that it asked in this way."""
    choice = {"finish_reason": "error", "error": {"code": code, "message": "upstream rate limited"}}
    reply = read("openai", {"choices": [choice]})
    assert (reply.ending, reply.error_status) == (Ending.PASSING, status)
    assert reply.reason == "finish reason error: upstream rate limited"


def test_a_complete_reply_has_no_error() -> None:
    choice = {"finish_reason": "stop", "message": {"content": "a plan"}, "error": {"code": 429}}
    assert read("openai", {"choices": [choice]}).error_status is None


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
    assert read(provider, body).ending is Ending.PASSING  # type: ignore[arg-type]  # a wrong form
