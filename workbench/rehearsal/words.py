"""What a text is about, in words: enough for a scripted model, and for any subject."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{3,}")
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.*)$|^\s*\*\*(.+?)\*\*", re.MULTILINE)

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


def stem(word: str) -> str:
    """Singular and plural, noun and verb of the usual kinds are one word."""
    word = word.lower()
    for ending in ("ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def meaningful(text: str) -> dict[str, str]:
    """The words that say something, in their order: stem → the word as it first stands."""
    found: dict[str, str] = {}
    for match in _WORD.finditer(text):
        word = match[0].strip("-_")
        if len(word) > 3 and word.lower() not in _STOP:
            found.setdefault(stem(word), word)
    return found


@lru_cache(maxsize=64)
def stems(text: str) -> frozenset[str]:
    return frozenset(meaningful(text))


@lru_cache(maxsize=64)
def topics(text: str, most: int = 36) -> tuple[tuple[str, str, float], ...]:
    """What a plan is about: (stem, word, weight), weightiest first. Headings weigh more than what stands below them."""
    counts: Counter[str] = Counter()
    for match in _WORD.finditer(text):
        counts[stem(match[0].strip("-_"))] += 1
    for match in _HEADING.finditer(text):
        for key in meaningful(match[1] or match[2] or ""):
            counts[key] += 6
    known = meaningful(text)
    weighed = [(key, word, math.log1p(counts[key])) for key, word in known.items() if counts[key] > 1]
    weighed = weighed or [(key, word, 1.0) for key, word in known.items()]
    return tuple(sorted(weighed, key=lambda topic: (-topic[2], topic[0]))[:most])
