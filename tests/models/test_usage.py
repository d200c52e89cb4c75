"""The tokens that a provider counted and the cost that it tells are read from its reply.

Importing `anthropic` and `google.genai` takes seconds, so only the slow test imports them. It proves that the counts in
the other tests are those of the SDKs.
"""

from __future__ import annotations

import pytest

from workbench.models.reading import read
from workbench.models.usage import reported_dollars
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
