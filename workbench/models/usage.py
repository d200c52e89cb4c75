"""Reads what a call used, in a body that a provider sent: the tokens by kind, and the cost if the provider tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workbench.models.json_values import mapping
from workbench.money.price import Tokens


def gemini_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that Gemini counted, by kind, or None if the body has no usage."""
    usage = mapping(body.get("usageMetadata"))
    prompt = _count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount")
    cached = min(_count(usage, "cachedContentTokenCount"), prompt)
    output, thought = _count(usage, "candidatesTokenCount"), _count(usage, "thoughtsTokenCount")
    return Tokens(prompt - cached, cached, 0, output, thought) if usage else None


def anthropic_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that Anthropic counted, by kind, or None if the body has no usage."""
    usage = mapping(body.get("usage"))
    output = _count(usage, "output_tokens")
    thought = min(_count(mapping(usage.get("output_tokens_details")), "thinking_tokens"), output)
    cached, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    return Tokens(_count(usage, "input_tokens"), cached, written, output - thought, thought) if usage else None


def openai_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that a server of OpenAI's protocol counted, by kind, or None if the body has no usage."""
    usage = mapping(body.get("usage"))
    # xAI leaves the thoughts out of the completion's tokens, but not out of all tokens.
    prompt = _count(usage, "prompt_tokens")
    output = max(_count(usage, "completion_tokens"), _count(usage, "total_tokens") - prompt)
    cached = min(_count(mapping(usage.get("prompt_tokens_details")), "cached_tokens"), prompt)
    thought = min(_count(mapping(usage.get("completion_tokens_details")), "reasoning_tokens"), output)
    return Tokens(prompt - cached, cached, 0, output - thought, thought) if usage else None


def reported_dollars(body: object) -> float | None:
    """Return the dollars that a call cost, from a reply in the form of OpenRouter, or None if the reply does not say.

    If the account asks a service with a key of its own there, that service charges an amount beside OpenRouter's cost.
    """
    usage = mapping(mapping(body).get("usage"))
    amounts = [usage.get("cost")]
    if usage.get("is_byok"):
        amounts.append(mapping(usage.get("cost_details")).get("upstream_inference_cost"))
    dollars = [_dollars(amount) for amount in amounts]
    return None if None in dollars else sum(amount for amount in dollars if amount is not None)


def _dollars(value: object) -> float | None:
    """Return a finite number from 0 on, or None for any other value."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        return None
    return float(value)


def _count(counts: Mapping[str, Any], name: str) -> int:
    """Return the count of this name, or 0 if there is none."""
    count = counts.get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else 0
