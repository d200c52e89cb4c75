"""Defines a call of a model and its reply, and reads why each provider ended a reply.

The reason with which a provider ends a reply decides before the text: half a text with the reason SAFETY is no answer.
Each table names every reason of the provider's SDK. A reason that is in no table is a failure, and never an answer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from workbench.money.price import Tokens
from workbench.provider_table import Protocol
from workbench.providers import Provider


class Ending(Enum):
    """Why a reply ended. These reasons are the same for all providers."""

    COMPLETE = "complete"
    #: The reply reached a limit of its length.
    CUT_OFF = "cut off"
    #: The model or a filter of the provider refused to answer.
    REFUSED = "refused"
    #: The provider failed. Another call may succeed.
    PASSING = "provider unavailable"
    #: The provider refuses this account.
    LASTING = "account disabled"


@dataclass(frozen=True)
class ModelCall:
    """A call of a model.

    Attributes:
        provider: the service that has the model.
        model: the model's name, without the provider's.
        messages: pairs of role ("user" or "assistant") and text.
        system: the system prompt, or None.
        temperature, max_tokens: None is not sent, so the provider's default applies.
        schema: the JSON schema of the answer. {} stands for any JSON, and None for plain text.
        seed: the sampling seed. It is sent to providers that take one.
        seconds: the time limit of the whole call.
    """

    provider: Provider
    model: str
    messages: tuple[tuple[str, str], ...]
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    schema: Mapping[str, Any] | None = None
    seed: int | None = None
    seconds: float = 300.0


@dataclass(frozen=True)
class Reply:
    """A model's reply.

    Attributes:
        text: all text that is no thought, as the provider sent it. It has not passed `take_in` yet.
        ending: why the reply ended.
        reason: the provider's own word for the ending, and its explanation if it gave one.
        model: the model that answered, as the provider names it. Empty if the provider does not say.
        final: True if the same request cannot get another answer, because the provider refused the prompt itself.
        tokens: the tokens that the provider counted, or None if it reported none.
        dollars: the amount that a provider or a program reported for the call, or None if it reported none.
        error_status: the HTTP status in the error with which the provider ended the reply, or None.
    """

    text: str
    ending: Ending
    reason: str
    model: str = ""
    final: bool = False
    tokens: Tokens | None = None
    dollars: float | None = None
    error_status: int | None = None


#: google.genai.types.FinishReason
GEMINI: dict[str, Ending] = {
    "STOP": Ending.COMPLETE,
    "MAX_TOKENS": Ending.CUT_OFF,
    "CONTINUATION": Ending.CUT_OFF,
    "SAFETY": Ending.REFUSED,
    "RECITATION": Ending.REFUSED,
    "LANGUAGE": Ending.REFUSED,
    "BLOCKLIST": Ending.REFUSED,
    "PROHIBITED_CONTENT": Ending.REFUSED,
    "SPII": Ending.REFUSED,
    "ESCALATION": Ending.REFUSED,
    "MODEL_ARMOR": Ending.REFUSED,
    "IMAGE_SAFETY": Ending.REFUSED,
    "IMAGE_PROHIBITED_CONTENT": Ending.REFUSED,
    "IMAGE_RECITATION": Ending.REFUSED,
    "FINISH_REASON_UNSPECIFIED": Ending.PASSING,
    "OTHER": Ending.PASSING,
    "MALFORMED_FUNCTION_CALL": Ending.PASSING,
    "MALFORMED_RESPONSE": Ending.PASSING,
    "UNEXPECTED_TOOL_CALL": Ending.PASSING,
    "TOO_MANY_TOOL_CALLS": Ending.PASSING,
    "MISSING_THOUGHT_SIGNATURE": Ending.PASSING,
    "IMAGE_OTHER": Ending.PASSING,
    "NO_IMAGE": Ending.PASSING,
    "PUP_LIMITED_DISABLED": Ending.LASTING,
}

#: google.genai.types.BlockedReason: why Gemini refused a prompt
GEMINI_BLOCKED: dict[str, Ending] = {
    "SAFETY": Ending.REFUSED,
    "BLOCKLIST": Ending.REFUSED,
    "PROHIBITED_CONTENT": Ending.REFUSED,
    "IMAGE_SAFETY": Ending.REFUSED,
    "MODEL_ARMOR": Ending.REFUSED,
    "JAILBREAK": Ending.REFUSED,
    "OTHER": Ending.REFUSED,
    "BLOCKED_REASON_UNSPECIFIED": Ending.REFUSED,
}

#: anthropic.types.StopReason
ANTHROPIC: dict[str, Ending] = {
    "end_turn": Ending.COMPLETE,
    "stop_sequence": Ending.COMPLETE,
    "max_tokens": Ending.CUT_OFF,
    "model_context_window_exceeded": Ending.CUT_OFF,
    "refusal": Ending.REFUSED,
    # Workbench offers no tools to the judge and the proposer, so these replies are no answers.
    "tool_use": Ending.PASSING,
    "pause_turn": Ending.PASSING,
}

#: `finish_reason` of OpenAI's chat completions
OPENAI: dict[str, Ending] = {
    "stop": Ending.COMPLETE,
    "length": Ending.CUT_OFF,
    "content_filter": Ending.REFUSED,
    "tool_calls": Ending.PASSING,
    "function_call": Ending.PASSING,
    # The words of other services that speak this protocol: Mistral, OpenRouter and DeepSeek.
    "model_length": Ending.CUT_OFF,
    "error": Ending.PASSING,
    "insufficient_system_resource": Ending.PASSING,
}

#: The thoughts of a model whose server leaves them in the reply: everything up to the closing tag. Some chat templates
#: write the opening tag into the prompt, so the reply begins with the thoughts themselves.
_THOUGHTS = re.compile(r"\A\s*<(think|thinking)>.*?</\1>\s*|\A(?:(?!</?think>).)*\n</think>[ \t]*\n\s*", re.DOTALL)


def read_gemini(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of Gemini's `generateContent`."""
    model = _text(body.get("modelVersion")).removeprefix("models/")
    blocked = _text(_mapping(body.get("promptFeedback")).get("blockReason"))
    if blocked:
        ending = GEMINI_BLOCKED.get(blocked, Ending.REFUSED)
        return Reply("", ending, f"block reason {blocked}", model, final=True, tokens=_gemini_tokens(body))
    candidate = _mapping(next(iter(_list(body.get("candidates"))), None))
    parts = [_mapping(part) for part in _list(_mapping(candidate.get("content")).get("parts"))]
    text = "".join(_text(part.get("text")) for part in parts if not part.get("thought"))
    reason = _text(candidate.get("finishReason"))
    words = [f"finish reason {reason}" if reason else "no finish reason"]
    if explanation := _text(candidate.get("finishMessage")):
        words.append(explanation)
    thoughts = _mapping(body.get("usageMetadata")).get("thoughtsTokenCount")
    if GEMINI.get(reason) is Ending.CUT_OFF and thoughts:
        words.append(f"{thoughts} tokens of the limit went into thoughts")
    return Reply(text, GEMINI.get(reason, Ending.PASSING), ": ".join(words), model, tokens=_gemini_tokens(body))


def read_anthropic(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of Anthropic's `messages`. Thinking blocks are no part of the text."""
    blocks = [_mapping(block) for block in _list(body.get("content"))]
    text = "".join(_text(block.get("text")) for block in blocks if block.get("type") == "text")
    reason = _text(body.get("stop_reason"))
    words = [f"stop reason {reason}" if reason else "no stop reason"]
    if explanation := _text(_mapping(body.get("stop_details")).get("explanation")):
        words.append(explanation)
    ending, model = ANTHROPIC.get(reason, Ending.PASSING), _text(body.get("model"))
    return Reply(text, ending, ": ".join(words), model, tokens=_anthropic_tokens(body))


def read_openai(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of OpenAI's `chat/completions`."""
    choice = _mapping(next(iter(_list(body.get("choices"))), None))
    message = _mapping(choice.get("message"))
    reason, model = _text(choice.get("finish_reason")), _text(body.get("model"))
    if refusal := _text(message.get("refusal")):
        return Reply("", Ending.REFUSED, f"refusal: {refusal}", model, tokens=_openai_tokens(body))
    ending = OPENAI.get(reason, Ending.PASSING)
    words = [f"finish reason {reason}" if reason else "no finish reason"]
    # OpenRouter sends the error of the service that it asked, in a reply with the HTTP status 200.
    error = _mapping(choice.get("error")) if ending is Ending.PASSING else {}
    if explanation := _text(error.get("message")):
        words.append(explanation)
    text = _content(message.get("content"))
    if "</think" in text:
        text = _THOUGHTS.sub("", text)
    status = error_status(error.get("code"))
    return Reply(text, ending, ": ".join(words), model, tokens=_openai_tokens(body), error_status=status)


def error_status(code: object) -> int | None:
    """Return the HTTP status that the code of an error names, or None if the code is no status of an error."""
    words = str(code)
    return int(words) if re.fullmatch(r"[45]\d\d", words, re.ASCII) else None


def _content(content: object) -> str:
    """Return the text of a message. Mistral's thinking models send a list of parts, which has thoughts and texts."""
    parts = [_mapping(part) for part in _list(content)]
    return _text(content) or "".join(_text(part.get("text")) for part in parts if part.get("type") == "text")


READERS: dict[Protocol, Callable[[Mapping[str, Any]], Reply]] = {
    "gemini": read_gemini,
    "anthropic": read_anthropic,
    "openai": read_openai,
}


def read(protocol: Protocol, body: object) -> Reply:
    """Return the reply in a body of this protocol. If the body has no reply, its ending is not COMPLETE."""
    return READERS[protocol](_mapping(body))


def _gemini_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that Gemini counted, by kind, or None if the body has no usage."""
    usage = _mapping(body.get("usageMetadata"))
    prompt = _count(usage, "promptTokenCount") + _count(usage, "toolUsePromptTokenCount")
    cached = min(_count(usage, "cachedContentTokenCount"), prompt)
    output, thought = _count(usage, "candidatesTokenCount"), _count(usage, "thoughtsTokenCount")
    return Tokens(prompt - cached, cached, 0, output, thought) if usage else None


def _anthropic_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that Anthropic counted, by kind, or None if the body has no usage."""
    usage = _mapping(body.get("usage"))
    output = _count(usage, "output_tokens")
    thought = min(_count(_mapping(usage.get("output_tokens_details")), "thinking_tokens"), output)
    cached, written = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    return Tokens(_count(usage, "input_tokens"), cached, written, output - thought, thought) if usage else None


def _openai_tokens(body: Mapping[str, Any]) -> Tokens | None:
    """Return the tokens that a server of OpenAI's protocol counted, by kind, or None if the body has no usage."""
    usage = _mapping(body.get("usage"))
    # xAI leaves the thoughts out of the completion's tokens, but not out of all tokens.
    prompt = _count(usage, "prompt_tokens")
    output = max(_count(usage, "completion_tokens"), _count(usage, "total_tokens") - prompt)
    cached = min(_count(_mapping(usage.get("prompt_tokens_details")), "cached_tokens"), prompt)
    thought = min(_count(_mapping(usage.get("completion_tokens_details")), "reasoning_tokens"), output)
    return Tokens(prompt - cached, cached, 0, output - thought, thought) if usage else None


def reported_dollars(body: object) -> float | None:
    """Return the dollars that a call cost, from a reply in the form of OpenRouter, or None if the reply does not say.

    If the account asks a service with a key of its own there, that service charges an amount beside OpenRouter's cost.
    """
    usage = _mapping(_mapping(body).get("usage"))
    amounts = [usage.get("cost")]
    if usage.get("is_byok"):
        amounts.append(_mapping(usage.get("cost_details")).get("upstream_inference_cost"))
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


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
