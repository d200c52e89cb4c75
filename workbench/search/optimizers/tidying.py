"""Leaves sentences out of the prompt that a race chose.

They have no measurable effect, or they contradict or repeat a better sentence.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from workbench.search import sentences
from workbench.search.race.pieces import Needs
from workbench.search.race.standing import PieceEffect

#: A sentence that was added has a measurable effect if the mean of its effect is above so many standard deviations.
#: Higher values make shorter prompts that are worse (docs/race.md).
MEASURABLE = 0.2


def unmeasurable(effects: Iterable[PieceEffect]) -> set[str]:
    """Return the added sentences without a measurable effect. The user's own sentences are not among them."""
    return {effect.text for effect in effects if not effect.in_seed and effect.mean < MEASURABLE * effect.deviation}


def worse(pairs: Iterable[tuple[int, int]], pieces: list[str], effects: Iterable[PieceEffect]) -> set[str]:
    """Return the sentence of each pair that is worth less.

    A sentence that stood in every prompt was never measured. It stays, because it is the user's own.

    Args:
        pairs: numbers of sentences that conflict, counted from 1.
    """
    worth = {effect.text: effect.mean for effect in effects}
    dropped: set[str] = set()
    for pair in pairs:
        both = [pieces[number - 1] for number in pair]
        measured = [piece for piece in both if piece in worth]
        if measured and not dropped.intersection(both):
            dropped.add(min(measured, key=lambda piece: worth[piece]))
    return dropped


def without(prompt: str, dropped: Collection[str], needs: Needs) -> str:
    """Return the prompt without these sentences and without those that need one of them.

    If nothing would be left, return the prompt as it is.
    """
    gone, kept = set(dropped), sentences.split(prompt)
    while gone.intersection(kept):
        kept = [piece for piece in kept if piece not in gone]
        gone |= {piece for piece in kept if gone.intersection(needs(piece))}
    text = sentences.join(kept).strip()
    return text or prompt
