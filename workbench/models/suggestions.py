"""Suggests models that a provider has."""

from __future__ import annotations

from contextlib import suppress

import httpx

from workbench.models.reply import ModelCall
from workbench.models.text import shortened

#: The time limit of a request for a provider's list of models, in seconds.
LIST_SECONDS = 5.0


def suggestions(call: ModelCall, key: str) -> list[str]:
    """Return at most five current models of the provider, as PROVIDER/NAME.

    If the provider sends its list of models, they are from this list, and the models that our list has come first.
    Otherwise they are from our list. If our list is empty, too, the only entry is `another one`.
    """
    provider = call.provider
    built_in = [f"{provider.name}/{model}" for model in provider.service.models]
    listed: list[str] = []
    with suppress(httpx.HTTPError, ValueError, AttributeError, TypeError, KeyError):
        # The claude program has no list of models.
        headers = {
            "gemini": {"x-goog-api-key": key},
            "anthropic": {"x-api-key": key, "anthropic-version": "2023-06-01"},
            "openai": {"authorization": f"Bearer {key}"},
        }[provider.service.protocol]
        body = httpx.get(f"{provider.api_base}/models", headers=headers, timeout=LIST_SECONDS).raise_for_status().json()
        for entry in body.get("models") or body.get("data") or []:
            if "generateContent" in entry.get("supportedGenerationMethods", ["generateContent"]):
                name = shortened(str(entry.get("name") or entry.get("id"))).removeprefix("models/")
                listed.append(f"{provider.name}/{name}")
    confirmed = [model for model in built_in if not listed or model in listed]
    return [*confirmed, *(model for model in listed if model not in confirmed)][:5] or built_in[:5] or ["another one"]
