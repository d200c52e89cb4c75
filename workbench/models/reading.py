"""Reads the reply in a body that a provider sent: its text, why it ended, and which model answered."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from workbench.models.endings import ANTHROPIC, GEMINI, GEMINI_BLOCKED, OPENAI
from workbench.models.json_values import entries, mapping, text_of
from workbench.models.reply import Ending, Reply
from workbench.models.usage import anthropic_tokens, gemini_tokens, openai_tokens
from workbench.provider_table import Protocol

#: The thoughts of a model whose server leaves them in the reply: everything up to the closing tag. Some chat templates
#: write the opening tag into the prompt, so the reply begins with the thoughts themselves.
_THOUGHTS = re.compile(r"\A\s*<(think|thinking)>.*?</\1>\s*|\A(?:(?!</?think>).)*\n</think>[ \t]*\n\s*", re.DOTALL)


def read_gemini(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of Gemini's `generateContent`."""
    model = text_of(body.get("modelVersion")).removeprefix("models/")
    blocked = text_of(mapping(body.get("promptFeedback")).get("blockReason"))
    if blocked:
        ending = GEMINI_BLOCKED.get(blocked, Ending.REFUSED)
        return Reply("", ending, f"block reason {blocked}", model, final=True, tokens=gemini_tokens(body))
    candidate = mapping(next(iter(entries(body.get("candidates"))), None))
    parts = [mapping(part) for part in entries(mapping(candidate.get("content")).get("parts"))]
    text = "".join(text_of(part.get("text")) for part in parts if not part.get("thought"))
    reason = text_of(candidate.get("finishReason"))
    words = [f"finish reason {reason}" if reason else "no finish reason"]
    if explanation := text_of(candidate.get("finishMessage")):
        words.append(explanation)
    thoughts = mapping(body.get("usageMetadata")).get("thoughtsTokenCount")
    if GEMINI.get(reason) is Ending.CUT_OFF and thoughts:
        words.append(f"{thoughts} tokens of the limit went into thoughts")
    return Reply(text, GEMINI.get(reason, Ending.PASSING), ": ".join(words), model, tokens=gemini_tokens(body))


def read_anthropic(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of Anthropic's `messages`. Thinking blocks are no part of the text."""
    blocks = [mapping(block) for block in entries(body.get("content"))]
    text = "".join(text_of(block.get("text")) for block in blocks if block.get("type") == "text")
    reason = text_of(body.get("stop_reason"))
    words = [f"stop reason {reason}" if reason else "no stop reason"]
    if explanation := text_of(mapping(body.get("stop_details")).get("explanation")):
        words.append(explanation)
    ending, model = ANTHROPIC.get(reason, Ending.PASSING), text_of(body.get("model"))
    return Reply(text, ending, ": ".join(words), model, tokens=anthropic_tokens(body))


def read_openai(body: Mapping[str, Any]) -> Reply:
    """Return the reply in the body of OpenAI's `chat/completions`."""
    choice = mapping(next(iter(entries(body.get("choices"))), None))
    message = mapping(choice.get("message"))
    reason, model = text_of(choice.get("finish_reason")), text_of(body.get("model"))
    if refusal := text_of(message.get("refusal")):
        return Reply("", Ending.REFUSED, f"refusal: {refusal}", model, tokens=openai_tokens(body))
    ending = OPENAI.get(reason, Ending.PASSING)
    words = [f"finish reason {reason}" if reason else "no finish reason"]
    # OpenRouter sends the error of the service that it asked, in a reply with the HTTP status 200.
    error = mapping(choice.get("error")) if ending is Ending.PASSING else {}
    if explanation := text_of(error.get("message")):
        words.append(explanation)
    text = _content(message.get("content"))
    if "</think" in text:
        text = _THOUGHTS.sub("", text)
    status = error_status(error.get("code"))
    return Reply(text, ending, ": ".join(words), model, tokens=openai_tokens(body), error_status=status)


def error_status(code: object) -> int | None:
    """Return the HTTP status that the code of an error names, or None if the code is no status of an error."""
    words = str(code)
    return int(words) if re.fullmatch(r"[45]\d\d", words, re.ASCII) else None


def _content(content: object) -> str:
    """Return the text of a message. Mistral's thinking models send a list of parts, which has thoughts and texts."""
    parts = [mapping(part) for part in entries(content)]
    return text_of(content) or "".join(text_of(part.get("text")) for part in parts if part.get("type") == "text")


READERS: dict[Protocol, Callable[[Mapping[str, Any]], Reply]] = {
    "gemini": read_gemini,
    "anthropic": read_anthropic,
    "openai": read_openai,
}


def read(protocol: Protocol, body: object) -> Reply:
    """Return the reply in a body of this protocol. If the body has no reply, its ending is not COMPLETE."""
    return READERS[protocol](mapping(body))
