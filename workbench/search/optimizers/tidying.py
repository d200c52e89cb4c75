"""Leaves useless sentences out of the prompt that a race chose.

These are the sentences without a measurable effect. If two sentences contradict or repeat each other, the worse of the
two is left out as well.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from workbench import sentences
from workbench.search.race.pieces import Needs
from workbench.search.race.standing import PieceEffect

#: A sentence that was added has a measurable effect if the mean of its effect is above so many standard deviations.
#: Higher values make shorter prompts that are worse (docs/race.md).
MEASURABLE = 0.2


def unmeasurable(effects: Iterable[PieceEffect]) -> set[str]:
    """Return the added sentences without a measurable effect. The user's own sentences are not among them."""
    return {effect.text for effect in effects if not effect.in_seed and effect.mean < MEASURABLE * effect.deviation}


def worse_of(pairs: Iterable[tuple[int, int]], pieces: list[str], effects: Iterable[PieceEffect]) -> set[str]:
    """Return the sentence of each pair that has the lower effect.

    A sentence that stood in every prompt was never measured. It stays, because it is the user's own. A pair that has
    lost a sentence already loses no other.

    Args:
        pairs: numbers of two sentences that conflict, counted from 1.
        pieces: the sentences of the prompt.
        effects: the effects of the sentences that were measured.
    """
    mean_effects = {effect.text: effect.mean for effect in effects}
    dropped: set[str] = set()
    for pair in pairs:
        both = [pieces[number - 1] for number in pair]
        measured = [piece for piece in both if piece in mean_effects]
        if measured and not dropped.intersection(both):
            dropped.add(min(measured, key=lambda piece: mean_effects[piece]))
    return dropped


def without(prompt: str, dropped: Collection[str], needs: Needs) -> str:
    """Return the prompt without these sentences, and without every sentence that needs one of them.

    If nothing would be left, return the prompt as it is.
    """
    all_dropped, remaining = set(dropped), sentences.split(prompt)
    while all_dropped.intersection(remaining):
        remaining = [piece for piece in remaining if piece not in all_dropped]
        all_dropped |= {piece for piece in remaining if all_dropped.intersection(needs(piece))}
    text = sentences.join(remaining).strip()
    return text or prompt
