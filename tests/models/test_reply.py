"""The tables of endings have every member of the providers' own enumerations. Only a complete reply is an answer.

Importing `anthropic` and `google.genai` takes seconds, so only the slow tests import them. The slow tests prove that
the reasons and counts in the other tests are those of the SDKs.
"""

from __future__ import annotations

from typing import get_args

import pytest

from workbench.models.reply import ANTHROPIC, GEMINI, GEMINI_BLOCKED, OPENAI, Ending, read, reported_dollars
from workbench.money.price import Tokens

#: What a call used, as each provider writes it.
GEMINI_USAGE = {
    "promptTokenCount": 100,
    "cachedContentTokenCount": 40,
    "toolUsePromptTokenCount": 5,
    "candidatesTokenCount": 20,
    "thoughtsTokenCount": 30,
}
ANTHROPIC_USAGE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 20,
    "cache_creation_input_tokens": 30,
    "output_tokens": 40,
}


@pytest.mark.slow
def test_the_tables_name_every_reason_of_the_sdks() -> None:
    """A new version of an SDK that adds a reason makes this test fail."""
    from anthropic.types import StopReason
    from google.genai import types

    assert set(GEMINI) == {reason.value for reason in types.FinishReason}
    assert set(GEMINI_BLOCKED) == {reason.value for reason in types.BlockedReason}
    assert set(ANTHROPIC) == set(get_args(StopReason))


@pytest.mark.slow
def test_the_counts_are_written_as_the_sdks_write_them() -> None:
    """A new version of an SDK that renames a count makes this test fail."""
    from anthropic.types import Usage
    from google.genai.types import GenerateContentResponseUsageMetadata

    gemini = GenerateContentResponseUsageMetadata(
        prompt_token_count=100,
        cached_content_token_count=40,
        tool_use_prompt_token_count=5,
        candidates_token_count=20,
        thoughts_token_count=30,
    )
    assert gemini.model_dump(by_alias=True, exclude_none=True) == GEMINI_USAGE
    anthropic = Usage(input_tokens=10, cache_read_input_tokens=20, cache_creation_input_tokens=30, output_tokens=40)
    assert anthropic.model_dump(exclude_none=True) == ANTHROPIC_USAGE
    assert set(ANTHROPIC_USAGE) <= set(Usage.model_fields)


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


def test_geminis_tokens_are_counted_by_kind() -> None:
    """The prompt's count holds that of the cache. The result of a tool is input, and thoughts are told apart."""
    body = {"usageMetadata": GEMINI_USAGE}
    assert read("gemini", body).tokens == Tokens(input=65, cached_input=40, output=20, thought=30)
    blocked = {**body, "promptFeedback": {"blockReason": "SAFETY"}}
    assert read("gemini", blocked).tokens == read("gemini", body).tokens


def test_anthropics_tokens_are_counted_by_kind() -> None:
    """The kinds of input do not overlap there."""
    assert read("anthropic", {"usage": ANTHROPIC_USAGE}).tokens == Tokens(
        input=10, cached_input=20, cache_write=30, output=40
    )


def test_openais_tokens_are_counted_by_kind() -> None:
    """Both counts hold those of their details."""
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "prompt_tokens_details": {"cached_tokens": 60},
        "completion_tokens_details": {"reasoning_tokens": 45},
    }
    expected = Tokens(input=40, cached_input=60, output=5, thought=45)
    assert read("openai", {"usage": usage}).tokens == expected
    # xAI counts the thoughts beside the completion.
    beside = {**usage, "completion_tokens": 5, "total_tokens": 150}
    assert read("openai", {"usage": beside}).tokens == expected


@pytest.mark.parametrize("provider", ["gemini", "anthropic", "openai"])
@pytest.mark.parametrize("usage", [None, {}, "many", {"prompt_tokens": -1, "input_tokens": True}])
def test_tokens_that_are_not_told_are_not_counted(provider: str, usage: object) -> None:
    """A count that is no number counts as zero."""
    tokens = read(provider, {"usage": usage, "usageMetadata": usage}).tokens  # type: ignore[arg-type]  # a wrong form
    assert tokens in (None, Tokens())


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        ({"cost": 0.0021, "cost_details": {"upstream_inference_cost": 0.002}}, 0.0021),
        ({"cost": 0}, 0.0),
        ({"cost": 0.25, "is_byok": True, "cost_details": {"upstream_inference_cost": 4.75}}, 5.0),
        ({"cost": 0.25, "is_byok": True}, None),
        ({"cost": -1}, None),
        ({"cost": float("inf")}, None),
        ({"cost": float("nan")}, None),
        ({"cost": True}, None),
        ({"cost": "0.1"}, None),
        ({}, None),
        (None, None),
    ],
)
def test_openrouter_tells_what_a_call_cost(usage: object, dollars: float | None) -> None:
    """An amount that is no number from 0 on is ignored. A call with a key of one's own costs two amounts."""
    assert reported_dollars({"usage": usage}) == dollars
