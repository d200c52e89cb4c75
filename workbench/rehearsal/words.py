"""Find the words that a text is about. The method is simple, but works for any subject."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{3,}")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*)$|^\s*\*\*(.+?)\*\*", re.MULTILINE)

#: Words that say nothing about the subject of a text.
_STOP = frozenset(
    """
    about above after again against also although always among another answer answers anything because been
    before being below between both cannot could cover covers does doing done down each either else ensure even
    every example examples field fields first follow following from further generate given goal goals good have
    here high include includes including instruction instructions into itself just keep keys last least less
    like list long look made make makes many more most much must name names need needs never next none nothing
    once only other others output over part parts please plan plans prompt provide question request response
    same score shall should show some something such take than that their them then there these they thing
    things this those through under until upon used uses using very want wants well were what when where whether
    which while will with without word words work would write writes writing written your yaml document shape
    title summary true false null text place markdown fence prose carry team
    """.split()
)


@lru_cache(maxsize=10_000)
def stem(word: str) -> str:
    """Return the stem of a word. Singular and plural, and the usual noun and verb forms, have the same stem."""
    word = word.lower()
    for ending in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def meaningful(text: str) -> dict[str, str]:
    """Return the words that are about the subject, in the order of the text: stem → first form of the word."""
    words: dict[str, str] = {}
    for match in _WORD.finditer(text):
        word = match[0].strip("-_")
        if len(word) > 3 and word.lower() not in _STOP:
            words.setdefault(stem(word), word)
    return words


@lru_cache(maxsize=1_000)
def stems(text: str) -> frozenset[str]:
    """Return the stems of the words that are about the subject."""
    return frozenset(meaningful(text))


@lru_cache(maxsize=64)
def topics(text: str, most: int = 36) -> tuple[tuple[str, str, float], ...]:
    """Return up to `most` topics of a plan as (stem, word, weight), the heaviest first.

    A word in a heading weighs more than a word in the text.
    """
    counts: Counter[str] = Counter()
    for match in _WORD.finditer(text):
        counts[stem(match[0].strip("-_"))] += 1
    for match in _HEADING.finditer(text):
        for key in meaningful(match[1] or match[2] or ""):
            counts[key] += 6
    words = meaningful(text)
    # A word is a topic if it occurs twice or in a heading. If there is no such word, every word is a topic.
    weighted = [(key, word, math.log1p(counts[key])) for key, word in words.items() if counts[key] > 1]
    weighted = weighted or [(key, word, 1.0) for key, word in words.items()]
    return tuple(sorted(weighted, key=lambda topic: (-topic[2], topic[0]))[:most])
