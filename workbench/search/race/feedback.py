"""Writes what a race tells the proposer, and takes the proposal."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.search.race.pieces import Propose


def feedback(leader: str, harmful: Sequence[str]) -> str:
    """Return the text with the leading prompt and the pieces that seem to lower the score."""
    text = f"The best prompt so far:\n{leader}"
    if harmful:
        pieces = "\n".join(f"- {piece}" for piece in harmful)
        text += f"\n\nAvoid these pieces, which seem to lower the score:\n{pieces}"
    return text


def proposed(propose: Propose, parent: str, knowledge: str) -> str:
    """Return a proposal for a prompt, or an empty text if the proposer has none.

    Raises:
        ValueError: the proposal is no text.
    """
    text: object = propose(parent, knowledge)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"propose returned {text!r}; expected a whole prompt as text, or None")
    return text or ""
