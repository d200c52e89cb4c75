"""Finds prompts that copy a gold plan, and takes text of a gold plan out of the judge's reasons.

The judge compares each plan with a gold plan. So the cheapest way to a high score is to paste the gold plan into the
prompt. Such a prompt is worth nothing for the next goal. docs/decisions/0017-the-leak-guard.md explains the limits
below, and has the measurements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from workbench.search.subtrees import WORD, WORDS_IN_A_ROW, subtrees_of, words_of

#: A prompt copies the rare words of a gold plan if, of `WINDOW` unusual words in a row, at least the share `RARE_SHARE`
#: and at least `FEWEST_RARE` are rare words of the gold plan.
WINDOW, RARE_SHARE, FEWEST_RARE = 20, 0.8, 8
#: How many words of a copy the reason shows.
WORDS_SHOWN = 5

#: The words in the place of a gold plan's words in a judge's reason.
TAKEN_OUT = "[words of the gold plan]"
#: What to do instead of copying.
ADVICE = (
    "Write instructions that lead to a good plan for any goal, and copy neither text nor word lists of the gold plan."
)
#: The sentence for the proposer once a prompt was refused.
WARNING = f"An earlier prompt was refused, because it copied the gold plan. {ADVICE}"

_LONG_WORD = re.compile(r"[^\W\d_]{4,}")

#: A sequence of `WORDS_IN_A_ROW` words.
Row = tuple[str, ...]


class LeakGuard:
    """Finds text of the gold plans in prompts, and takes it out of reasons.

    Args:
        gold: the texts of the gold plans.
        known: texts that a prompt may repeat: the starting prompt, the goals, and the files of the pipeline.
    """

    def __init__(self, gold: Iterable[str], known: Iterable[str]) -> None:
        golds, known_texts = list(gold), list(known)
        self._rows = {row for text in golds for row in _rows(words_of(text))}
        known_words: set[str] = set()
        for text in known_texts:
            self._rows.difference_update(_rows(words_of(text)))
            known_words.update(_long_words(text))
        self._usual = known_words | common_words()
        self._rare = {word for text in golds for word in _long_words(text)} - self._usual
        self._subtrees = {subtree for text in golds for subtree in subtrees_of(text)}
        for text in known_texts if self._subtrees else ():
            self._subtrees -= subtrees_of(text)

    def leak(self, instructions: str, demonstrations: Iterable[str] = ()) -> str | None:
        """Return how a prompt copies a gold plan, as a sentence for the proposer, or None if it copies none.

        A demonstration is a plan that the pipeline wrote. It is not checked for rare words, because a good plan has the
        gold plan's subject.
        """
        copy = self._rare_words(instructions)
        for text in (instructions, *demonstrations):
            copy = self._sequence(text) or self._subtree(text) or copy
            if copy is not None:
                return f"The prompt is refused and was not executed, because it copies the gold plan: {copy}. {ADVICE}"
        return None

    def without_gold(self, reason: str) -> str:
        """Return a judge's reason without long word sequences of a gold plan."""
        parts, end = [], 0
        matches = list(WORD.finditer(reason))
        for first, last in self._copies([match[0].lower() for match in matches]):
            parts += [reason[end : matches[first].start()], TAKEN_OUT]
            end = matches[last].end()
        return "".join([*parts, reason[end:]])

    def _copies(self, words: list[str]) -> Iterator[tuple[int, int]]:
        """Yield the first and the last index of each sequence of words that a gold plan has, too."""
        first, last = 0, -1
        for start, row in enumerate(_rows(words)):
            if row not in self._rows:
                continue
            if start > last + 1 and last >= 0:
                yield first, last
                last = -1
            if last < 0:
                first = start
            last = start + WORDS_IN_A_ROW - 1
        if last >= 0:
            yield first, last

    def _sequence(self, text: str) -> str | None:
        """Describe the longest sequence of words that a text and a gold plan share, or return None."""
        words = words_of(text)
        first, last = max(self._copies(words), key=lambda copy: copy[1] - copy[0], default=(0, -1))
        if last < 0:
            return None
        return f'{last - first + 1} words in a row, from "{" ".join(words[first : first + WORDS_SHOWN])} …" on'

    def _subtree(self, text: str) -> str | None:
        """Describe the largest YAML subtree that a text and a gold plan share, or return None."""
        shared = max(self._subtrees & subtrees_of(text), key=len, default=None) if self._subtrees else None
        return None if shared is None else f"a YAML subtree with {len(shared)} values"

    def _rare_words(self, text: str) -> str | None:
        """Describe the rare words of a gold plan that stand close together in a text, or return None."""
        unusual = [word for word in dict.fromkeys(_long_words(text)) if word not in self._usual]
        size = min(WINDOW, len(unusual))
        for start in range(len(unusual) - size + 1):
            rare = [word for word in unusual[start : start + size] if word in self._rare]
            if len(rare) >= max(FEWEST_RARE, RARE_SHARE * size):
                return (
                    f"{len(rare)} of {size} unusual words in a row are rare words of it, such as {', '.join(rare[:3])}"
                )
        return None


@cache
def common_words() -> frozenset[str]:
    """Return the words that are usual in texts about software. They are no sign of a copy."""
    return frozenset((Path(__file__).parent / "common_words.txt").read_text(encoding="utf-8").split())


def _long_words(text: str) -> list[str]:
    """Return the words of at least four letters in small letters. They have no digits."""
    return [word.lower() for word in _LONG_WORD.findall(text)]


def _rows(words: list[str]) -> Iterator[Row]:
    """Yield every sequence of `WORDS_IN_A_ROW` words."""
    # `zip` ends with its shortest list, which is the one that begins with the last sequence's last word.
    return zip(*(words[start:] for start in range(WORDS_IN_A_ROW)), strict=False)
