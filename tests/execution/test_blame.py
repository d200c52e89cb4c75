"""The causes of a failed execution that lie in the prompt, and the failures that another try cannot mend."""

from __future__ import annotations

import pytest

from workbench.execution.blame import lasts, lies_in_prompt


@pytest.mark.parametrize("kind", ["turn limit", "context window", "output limit", "truncated", "refusal", "blocked"])
def test_a_limit_that_the_prompt_hits_lies_in_the_prompt(kind: str) -> None:
    """Another try would give the same result, and the optimizer can learn from the reason."""
    assert lies_in_prompt(kind)


@pytest.mark.parametrize("kind", ["rate limit", "timeout", "authentication", "no credit", "crashed", "no result", ""])
def test_any_other_cause_does_not_lie_in_the_prompt(kind: str) -> None:
    """Such an execution has no score."""
    assert not lies_in_prompt(kind)


@pytest.mark.parametrize(
    "message",
    [
        "Claude AI usage limit reached|1764090000",
        "You've hit your session limit · resets 4:20am (Europe/Berlin)",
        "You've hit your weekly limit",
        "5-hour limit reached ∙ resets 3pm",
        "429 Quota exceeded for quota metric GenerateRequestsPerDayPerProjectPerModel",
    ],
)
def test_a_limit_of_a_subscription_or_of_a_day_lasts(message: str) -> None:
    """Ten tries within minutes would meet the same limit."""
    assert lasts("rate limit", f"the step failed: {message}")
    assert not lasts("crashed", message)


@pytest.mark.parametrize(
    "message", ["API Error: Rate limit reached", "429 too many requests", "overloaded", "RESOURCE_EXHAUSTED: quota", ""]
)
def test_a_passing_rate_limit_is_tried_again(message: str) -> None:
    assert not lasts("rate limit", message)
