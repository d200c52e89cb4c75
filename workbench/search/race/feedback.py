"""Writes the text that tells the proposer what a race knows, and asks for a proposal."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.search.race.pieces import Propose


def feedback(leader: str, harmful: Sequence[str]) -> str:
    """Return the text for the proposer: the best prompt so far, and the pieces that seem to lower the score."""
    text = f"The best prompt so far:\n{leader}"
    if harmful:
        pieces = "\n".join(f"- {piece}" for piece in harmful)
        text += f"\n\nAvoid these pieces, which seem to lower the score:\n{pieces}"
    return text


def ask_for_proposal(propose: Propose, parent: str, knowledge: str) -> str:
    """Ask for a changed version of a prompt, and return it, or an empty text if the proposer has none.

    Args:
        propose: the caller's function that proposes a changed prompt.
        parent: the prompt to change.
        knowledge: what the race knows, as text.

    Raises:
        ValueError: the proposal is no text.
    """
    text: object = propose(parent, knowledge)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"propose returned {text!r}; expected a whole prompt as text, or None")
    return text or ""
