"""Reads what a provider's error means: its kind, whether it lasts, and how long the provider asks us to wait."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

#: The longest wait before a retry, in seconds. If the provider asks for a longer wait, the failure counts as lasting.
LONGEST_WAIT = 120.0

_REJECTED_KEY = re.compile(r"API_KEY_INVALID|API key (not valid|expired|not found)|invalid x-api-key", re.IGNORECASE)
_NO_CREDIT = re.compile(
    r"credit balance is too low|insufficient_quota|billing_error|billing_hard_limit"
    r"|credits are depleted|BILLING_DISABLED",
    re.IGNORECASE,
)
_USED_UP = re.compile(r"PerDay|per day|daily|monthly|usage limits?\b|spend(ing)?[ _]limit", re.IGNORECASE)
_DISABLED = re.compile(
    r"\b(organization|account|consumer)\b.{0,80}\b(disabled|suspended|deactivated)\b"
    r"|CONSUMER_SUSPENDED|organization_on_hold",
    re.IGNORECASE,
)
_RETRY_IN = re.compile(r"retry in ((?:\d+h)?(?:\d+m(?!s))?(?:\d+(?:\.\d+)?m?s)?)", re.IGNORECASE)
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)(m?)s)?")


#: What a person can do about a failure that lasts, by its kind. Every role has the same advice.
HINTS = {
    "account disabled": "the provider has disabled the account; ask the provider",
    "no credit": "the account has no credit left; add some",
    "authentication": "the provider rejects the key; set a valid one",
    "quota exhausted": "the quota is used up; wait until it is renewed",
}


@dataclass(frozen=True)
class Failure:
    """The meaning of an error.

    Attributes:
        kind: the word under which the failure is counted.
        lasting: True if a retry cannot help.
        wait_seconds: the wait that the provider asks for, or 0.
        unknown_model: True if the provider does not know the model.
        hint: what to do, or an empty text.
    """

    kind: str
    lasting: bool = False
    wait_seconds: float = 0.0
    unknown_model: bool = False
    hint: str = ""


def http_failure(status: int, message: str, body: object = None, headers: Mapping[str, str] | None = None) -> Failure:
    """Return the meaning of an HTTP error.

    Args:
        status: the HTTP status, from 400 on.
        message: the provider's sentence.
        body: the parsed JSON body, or None.
        headers: the reply's headers, with names in small letters.
    """
    words = " ".join([message, *_code_words(body)])
    wait = requested_wait(message, body, headers or {})
    if status == 404:
        return Failure("unknown model", lasting=True, unknown_model=True)
    if 400 <= status < 500 and _DISABLED.search(words):
        return _lasting("account disabled")
    if status == 402 and quota_exhausted(words):
        return _limited(words, wait)
    if status == 402 or _NO_CREDIT.search(words):
        return _lasting("no credit")
    if status in (401, 403) or _REJECTED_KEY.search(words):
        return _lasting("authentication")
    if status == 429:
        return _limited(words, wait)
    if 400 <= status < 500 and status != 408:
        kind = "quota exhausted" if quota_exhausted(words) else "bad request"
        return Failure(kind, lasting=True)
    if wait > LONGEST_WAIT:
        return Failure("provider unavailable", lasting=True, hint=f"the provider says to wait {wait:.0f} s")
    return Failure("timeout" if status in (408, 504) else "provider unavailable", wait_seconds=wait)


def quota_exhausted(words: str) -> bool:
    """Return True if these words tell of a quota that is exhausted for a day or longer."""
    return _USED_UP.search(words) is not None


def _lasting(kind: str) -> Failure:
    """Return a failure that no retry mends, with the advice for its kind."""
    return Failure(kind, lasting=True, hint=HINTS[kind])


def _limited(words: str, wait: float) -> Failure:
    """Return the meaning of a reached limit: a limit per minute soon passes, and a used-up quota lasts."""
    if quota_exhausted(words):
        return _lasting("quota exhausted")
    if wait > LONGEST_WAIT:
        return Failure("rate limit", lasting=True, hint=f"the provider says to wait {wait:.0f} s; try again after that")
    return Failure("rate limit", wait_seconds=wait)


def requested_wait(message: str, body: object, headers: Mapping[str, str]) -> float:
    """Return the seconds that a provider asks us to wait, or 0 if it asks for no wait.

    Gemini puts the wait into `error.details[].retryDelay`. Others put it into the header `retry-after`, as seconds or
    as a date, or into `retry-after-ms`. If all of them are missing, the message may say "retry in 30s".
    """
    waits = [_duration(detail.get("retryDelay")) for detail in _details(body)]
    waits += [_header_seconds(headers.get("retry-after", ""))]
    waits += [_number(headers.get("retry-after-ms", "")) / 1000]
    if not any(waits) and (match := _RETRY_IN.search(message)):
        waits.append(_duration(match[1]))
    return max(waits)


def _header_seconds(value: str) -> float:
    """Return the seconds of a header `retry-after`, or 0 if it has neither seconds nor a date in the future."""
    if seconds := _number(value):
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _number(value: str) -> float:
    """Return a finite number above 0, or 0 for any other text."""
    try:
        number = float(value)
    except ValueError:
        return 0.0
    return number if math.isfinite(number) and number > 0 else 0.0


def _duration(value: object) -> float:
    """Return the seconds of a duration such as "45.8s", "1m30s", "120ms" or {"seconds": 2, "nanos": 0}; else 0."""
    if isinstance(value, Mapping):
        seconds, nanos = (_number(str(value.get(part, 0))) for part in ("seconds", "nanos"))
        return seconds + nanos / 1e9
    match = _DURATION.fullmatch(value.lower()) if isinstance(value, str) and value else None
    if match is None:
        return 0.0
    hours, minutes, last_number, milli = match.groups()
    seconds = float(last_number or 0) / (1000 if milli else 1)
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + seconds


def _error(body: object) -> Mapping[str, Any]:
    """Return the object `error` of a body, or an empty one. Gemini may wrap the body in a list."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error") if isinstance(body, Mapping) else None
    return error if isinstance(error, Mapping) else {}


def _details(body: object) -> list[Mapping[str, Any]]:
    """Return the details of an error. Gemini sends a list, and Anthropic one object."""
    details = _error(body).get("details")
    items = details if isinstance(details, list) else [details]
    return [detail for detail in items if isinstance(detail, Mapping)]


def _code_words(body: object) -> Iterator[str]:
    """Yield the words with which providers name the cause of an error: codes, types, reasons, and names of quotas."""
    error = _error(body)
    for name in ("code", "type", "status"):
        if isinstance(error.get(name), str):
            yield error[name]
    for detail in _details(body):
        yield f"{detail.get('reason', '')} {detail.get('error_code', '')}"
        violations = detail.get("violations")
        for violation in violations if isinstance(violations, list) else []:
            if isinstance(violation, Mapping):
                yield str(violation.get("quotaId", ""))
