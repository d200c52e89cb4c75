"""Decides whom a failed execution is blamed on, and whether another try may help. This is the same for every runtime.

An execution that failed for a cause that lies in the prompt is an invalid plan: its score is zero, the optimizer reads
the reason, and the search goes on. An execution that failed for any other cause has no score. It is tried again unless
the failure lasts, and if that does not help, it stops the study.
"""

from __future__ import annotations

from workbench.models.claude_failures import limit_lasts
from workbench.models.failure import quota_exhausted

#: The words with which runtimes report these causes. "truncated" is a reply that hit the model's output limit,
#: "blocked" is a reply or a prompt that the provider refused.
PROMPT_CAUSES = frozenset(
    {"turn limit", "context window", "output limit", "truncated", "refusal", "blocked", "invalid answer"}
)

#: The words for failures that another try cannot mend.
LASTING = frozenset({"account disabled", "authentication", "bad request", "no credit", "quota exhausted"})


def lies_in_prompt(kind: str) -> bool:
    """Return True if a failure of this kind is scored as an invalid plan."""
    return kind in PROMPT_CAUSES


def lasts(kind: str, message: str) -> bool:
    """Return True if another try cannot mend a failure of this kind with this message.

    A rate limit passes within minutes. A limit of a subscription or of a day is called a rate limit, too, and lasts.
    """
    return kind in LASTING or (kind == "rate limit" and (limit_lasts(message) or quota_exhausted(message)))
