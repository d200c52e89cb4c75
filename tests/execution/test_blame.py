"""The causes of a failed execution that lie in the prompt."""

from __future__ import annotations

import pytest

from workbench.execution.blame import lies_in_prompt


@pytest.mark.parametrize("kind", ["turn limit", "context window", "output limit", "truncated", "refusal", "blocked"])
def test_a_limit_that_the_prompt_hits_lies_in_the_prompt(kind: str) -> None:
    """Another try would give the same result, and the optimizer can learn from the reason."""
    assert lies_in_prompt(kind)


@pytest.mark.parametrize("kind", ["rate limit", "timeout", "authentication", "no credit", "crashed", "no result", ""])
def test_any_other_cause_does_not_lie_in_the_prompt(kind: str) -> None:
    """Such an execution has no score."""
    assert not lies_in_prompt(kind)
