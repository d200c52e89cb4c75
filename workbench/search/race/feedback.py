"""Writes what a race tells the proposer."""

from __future__ import annotations

from collections.abc import Sequence


def feedback(leader: str, harmful: Sequence[str]) -> str:
    """Return the text with the leading prompt and the pieces that seem to lower the score."""
    text = f"The best prompt so far:\n{leader}"
    if harmful:
        pieces = "\n".join(f"- {piece}" for piece in harmful)
        text += f"\n\nAvoid these pieces, which seem to lower the score:\n{pieces}"
    return text
