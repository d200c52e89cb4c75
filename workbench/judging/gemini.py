"""Gemini as a judge: google-genai with a response schema, so that a verdict is a verdict or nothing."""

from __future__ import annotations

from functools import lru_cache

import httpx
import httpx2
from google import genai
from google.genai import errors, types
from pydantic import BaseModel, Field, ValidationError

from workbench.errors import NotJudged
from workbench.nouns import Judge, Verdict
from workbench.providers import Provider

#: How often a judge that answers, but with no verdict, is asked again.
ASKS = 3
#: For one HTTP call; 429, 408 and 5xx are tried again with growing, jittered pauses.
TIMEOUT_MS = 180_000
RETRY = types.HttpRetryOptions(attempts=3, initial_delay=0.5, max_delay=8.0, exp_base=2.0, jitter=0.5)

KINDS = {401: "authentication", 403: "authentication", 408: "timeout", 429: "rate limit"}


class _Reply(BaseModel):
    """What the judge is asked to answer."""

    score: float = Field(ge=0, le=10, allow_inf_nan=False)
    reason: str = Field(min_length=1)


#: The same for the provider. Written out: google-genai would make it of the model anew for every call.
SCHEMA = types.Schema(
    type=types.Type.OBJECT,
    properties={
        "score": types.Schema(type=types.Type.NUMBER, minimum=0, maximum=10),
        "reason": types.Schema(type=types.Type.STRING, min_length=1),
    },
    required=["score", "reason"],
    property_ordering=["score", "reason"],
)


def ask(judge: Judge, prompt: str, seed: int) -> Verdict:
    """Return one verdict: the `Ask` of models of Gemini.

    Raises:
        MissingKey, NotJudged: as `workbench.judging.judge.score`.
    """
    key = judge.provider.key()
    config = types.GenerateContentConfig(
        response_mime_type="application/json",
        response_schema=SCHEMA,
        temperature=judge.temperature,
        seed=seed,
    )
    client = _client(judge.provider, key)
    said = ""
    for _ in range(ASKS):
        try:
            said = client.models.generate_content(model=judge.model, contents=prompt, config=config).text or ""
            reply = _Reply.model_validate_json(said)
        except ValidationError:
            continue
        except (errors.APIError, httpx.HTTPError, httpx2.HTTPError, ValueError) as error:
            # google-genai raises a plain ValueError for a reply that is no JSON.
            raise _translated(error, judge, key) from error
        if reply.reason.strip():
            return Verdict(reply.score, reply.reason.strip())
    raise NotJudged(
        f"{judge.model} gave no valid verdict in {ASKS} answers; the last was {said[:200]!r}. Run the same command "
        "again, or name another judge in the study",
        kind="no verdict",
    )


@lru_cache(maxsize=8)
def _client(provider: Provider, key: str) -> genai.Client:
    """One for each address: making one costs more than a call, and its connections are shared by threads."""
    options = types.HttpOptions(base_url=provider.base_url, timeout=TIMEOUT_MS, retry_options=RETRY)
    return genai.Client(api_key=key, vertexai=False, http_options=options)


def _translated(error: Exception, judge: Judge, key: str) -> NotJudged:
    if isinstance(error, errors.APIError):
        code = error.code or 0
        kind = KINDS.get(code, "bad request" if 400 <= code < 500 else "provider unavailable")
        what = f"{code} {error.message or ''}".strip()
    elif isinstance(error, httpx.TimeoutException | httpx2.TimeoutException):
        kind, what = "timeout", f"no answer within {TIMEOUT_MS // 1000} s"
    else:
        kind, what = "provider unavailable", str(error) or type(error).__name__
    return NotJudged(
        f"the judge {judge.model} at {judge.provider.base_url} failed ({kind}): {what.replace(key, '…')[:500]}",
        kind=kind,
        lasting=kind in ("authentication", "bad request"),
    )
