"""Lists the causes of a failed execution that lie in the prompt. They are the same for every runtime.

An execution that failed for one of these causes is an invalid plan: its score is zero, the optimizer reads the reason,
and the search goes on. An execution that failed for any other cause has no score. The execution is tried again. If
that does not help, it stops the study.
"""

from __future__ import annotations

#: The words with which runtimes report these causes. "truncated" is a reply that hit the model's output limit,
#: "blocked" is a reply or a prompt that the provider refused.
PROMPT_CAUSES = frozenset(
    {"turn limit", "context window", "output limit", "truncated", "refusal", "blocked", "invalid answer"}
)


def lies_in_prompt(kind: str) -> bool:
    """Return True if a failure of this kind is scored as an invalid plan."""
    return kind in PROMPT_CAUSES
