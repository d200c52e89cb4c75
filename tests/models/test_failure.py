"""Every way in which a provider tells a wait is understood, and failures that last are told from those that pass."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from workbench.models.failure import LONGEST_WAIT, http_failure


def gemini_error(delay: object = None, quota: str = "GenerateRequestsPerMinutePerProjectPerModel") -> dict[str, Any]:
    """Return the body of Gemini's status 429."""
    details: list[dict[str, Any]] = [{"violations": [{"quotaId": quota}]}]
    return {"error": {"code": 429, "details": details + ([{"retryDelay": delay}] if delay else [])}}


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("45.8s", 45.8),
        ("2s", 2),
        ("1m30s", 90),
        ("500ms", 0.5),
        ({"seconds": 3, "nanos": 5e8}, 3.5),
        ("soon", 0),
        (7, 0),
    ],
)
def test_geminis_retry_delay_is_the_wait(delay: object, seconds: float) -> None:
    """The delay stands in the details of the error."""
    failure = http_failure(429, "quota exceeded", gemini_error(delay))
    assert (failure.kind, failure.lasting) == ("rate limit", False)
    assert failure.wait_seconds == pytest.approx(seconds)


def test_the_header_tells_the_wait_as_seconds_or_as_a_date() -> None:
    """A date in the past is no wait."""
    assert http_failure(429, "", None, {"retry-after": "12"}).wait_seconds == 12
    assert http_failure(529, "overloaded", None, {"retry-after": "3.5"}).wait_seconds == 3.5
    date = formatdate(time.time() + 30, usegmt=True)
    assert 25 < http_failure(429, "", None, {"retry-after": date}).wait_seconds <= 30
    past = formatdate(time.time() - 30, usegmt=True)
    for value in (past, "nonsense", "-3", "nan", ""):
        assert http_failure(429, "", None, {"retry-after": value}).wait_seconds == 0


def test_the_sentence_tells_the_wait_if_nothing_else_does() -> None:
    """The message of Gemini's error ends with the wait."""
    assert http_failure(429, "Please retry in 2.118692462s.").wait_seconds == pytest.approx(2.118692462)


def test_a_failure_with_a_too_long_wait_is_lasting() -> None:
    """The message says how long."""
    failure = http_failure(429, "", None, {"retry-after": str(LONGEST_WAIT + 1)})
    assert failure.lasting
    assert "121 s" in failure.hint


@pytest.mark.parametrize(
    ("status", "message", "body", "kind"),
    [
        (400, "API key not valid. Please pass a valid API key.", None, "authentication"),
        (400, "x", {"error": {"details": [{"reason": "API_KEY_INVALID"}]}}, "authentication"),
        (401, "invalid x-api-key", None, "authentication"),
        (403, "permission denied", None, "authentication"),
        (400, "This organization has been disabled.", None, "account disabled"),
        (400, "Your credit balance is too low to access the Anthropic API.", None, "no credit"),
        (402, "payment required", None, "no credit"),
        (403, "x", {"error": {"details": [{"reason": "BILLING_DISABLED"}]}}, "no credit"),
        (429, "You exceeded your current quota", {"error": {"code": "insufficient_quota"}}, "no credit"),
        (429, "quota", gemini_error("2s", "GenerateRequestsPerDayPerProjectPerModel-FreeTier"), "quota exhausted"),
        (400, "You have reached your specified API usage limits.", None, "quota exhausted"),
        (400, "`temperature` is deprecated for this model.", None, "bad request"),
        (404, "model: claude-1", None, "unknown model"),
    ],
)
def test_a_failure_that_no_retry_can_mend_is_lasting(status: int, message: str, body: object, kind: str) -> None:
    """It is asked once."""
    failure = http_failure(status, message, body)
    assert (failure.kind, failure.lasting, failure.wait_seconds) == (kind, True, 0)


#: The kind of each error that the official SDKs' types can say, and if it lasts.
OFFICIAL = {
    "anthropic": {
        "api_error": ("provider unavailable", False),
        "authentication_error": ("authentication", True),
        "billing_error": ("no credit", True),
        "contract_spend_limit_reached": ("quota exhausted", True),
        "enforced_spend_limit_reached": ("quota exhausted", True),
        "invalid_request_error": ("bad request", True),
        "linked_organization_spend_limit_reached": ("quota exhausted", True),
        "not_found_error": ("unknown model", True),
        "organization_on_hold": ("account disabled", True),
        "overloaded_error": ("provider unavailable", False),
        "permission_error": ("authentication", True),
        "ramp_limit_exceeded": ("rate limit", False),
        "rate_limit_error": ("rate limit", False),
        "request_body_too_large_after_decoding": ("bad request", True),
        "timeout_error": ("timeout", False),
    },
    "gemini": {
        "bad_request": ("bad request", True),
        "internal": ("provider unavailable", False),
        "no_credit": ("no credit", True),
        "per_day": ("quota exhausted", True),
        "per_minute": ("rate limit", False),
        "rejected_key": ("authentication", True),
        "suspended": ("account disabled", True),
        "too_long": ("bad request", True),
        "unavailable": ("provider unavailable", False),
        "unknown_model": ("unknown model", True),
    },
}


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_every_error_of_the_official_types_has_its_kind(provider: str) -> None:
    """The runtime's tests read the same errors."""
    file = Path(__file__).parents[2] / "runtime" / "test" / "data" / "replies.json"
    errors = json.loads(file.read_text(encoding="utf-8"))[provider]["errors"]
    failures = {
        name: http_failure(error["status"], error["body"]["error"]["message"], error["body"], error["headers"])
        for name, error in errors.items()
    }
    assert {name: (failure.kind, failure.lasting) for name, failure in failures.items()} == OFFICIAL[provider]


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_other_failures_are_not_lasting(status: int) -> None:
    """They are tried again."""
    assert not http_failure(status, "please check your plan and billing details", gemini_error("2s")).lasting
