"""Represents prompts as sets of pieces, with all pieces in one order.

A piece is a part of a prompt, for example a sentence or a line. Its identity is its text and its occurrence: the second
"Be brief." of a prompt is another piece than the first. A prompt is the set of its pieces' numbers. Each new piece gets
a place in one global order, right behind its predecessor in the prompt that brought it. So every set of pieces is a
text: its pieces in this order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable

#: The numbers of a prompt's pieces.
Prompt = frozenset[int]
#: Returns the pieces of a prompt.
Split = Callable[[str], list[str]]
#: Returns the prompt of these pieces.
Join = Callable[[list[str]], str]
#: Returns a changed version of a prompt, given the prompt and what the race knows; None if there is none.
Propose = Callable[[str, str], str | None]
#: Returns the texts of the pieces that a piece needs.
Needs = Callable[[str], Collection[str]]


def no_needs(piece: str) -> Collection[str]:
    """Return no piece: every piece makes sense on its own."""
    return ()


def default_split(seed_prompt: str) -> tuple[Split, Join]:
    """Return functions that split a prompt into pieces and join them.

    The pieces are lines if the seed prompt has at least two lines, else words.
    """
    if "\n" in seed_prompt.strip():
        return lambda text: text.split("\n"), "\n".join
    return str.split, " ".join


class Pieces:
    """The pieces of all prompts that a race has seen, numbered as they appear.

    Args:
        seed_prompt: the starting prompt. Its text is kept as it is, whatever `join` makes of its pieces.
        split, join: functions that split a prompt into pieces and join them.
        needs: returns the texts of the pieces that a piece needs.
    """

    def __init__(self, seed_prompt: str, split: Split, join: Join, needs: Needs = no_needs) -> None:
        self._split = split
        self._join = join
        self._needs = needs
        #: Each piece as (text, occurrence), by number.
        self._names: list[tuple[str, int]] = []
        self._numbers: dict[tuple[str, int], int] = {}
        #: The numbers of the second and later occurrences.
        self._repeats: set[int] = set()
        #: The numbers of all pieces in the global order.
        self._order: list[int] = []
        self.seed = self.read(seed_prompt)
        self._texts: dict[Prompt, str] = {self.seed: seed_prompt}

    def __len__(self) -> int:
        return len(self._names)

    def piece(self, number: int) -> str:
        """Return the text of a piece."""
        return self._names[number][0]

    def read(self, text: str) -> Prompt:
        """Return the pieces of a text. Pieces that are new get a number and a place in the order."""
        occurrences: Counter[str] = Counter()
        numbers: list[int] = []
        for part in self._split(text):
            name = (part, occurrences[part])
            occurrences[part] += 1
            if name not in self._numbers:
                self._numbers[name] = len(self._names)
                self._names.append(name)
                if name[1]:
                    self._repeats.add(self._numbers[name])
                self._order.insert(self._order.index(numbers[-1]) + 1 if numbers else 0, self._numbers[name])
            numbers.append(self._numbers[name])
        return frozenset(numbers)

    def compose(self, numbers: Iterable[int]) -> Prompt:
        """Return the prompt that `read` would return for the text of these pieces.

        Pieces that need a missing piece are left out. If only the second occurrence of a text is given, the prompt has
        the first occurrence in its place.
        """
        chosen = self._with_needs(frozenset(numbers))
        if not chosen & self._repeats:
            return chosen
        occurrences: Counter[str] = Counter()
        prompt = []
        for number in sorted(chosen, key=lambda number: self._names[number][1]):
            text = self.piece(number)
            prompt.append(self._numbers[text, occurrences[text]])
            occurrences[text] += 1
        return frozenset(prompt)

    def _with_needs(self, chosen: Prompt) -> Prompt:
        """Return the pieces without those that need a missing piece, until no piece needs a missing one."""
        while True:
            texts = {self.piece(number) for number in chosen}
            usable = frozenset(number for number in chosen if texts.issuperset(self._needs(self.piece(number))))
            if usable == chosen:
                return chosen
            chosen = usable

    def text(self, prompt: Prompt) -> str:
        """Return the text of a prompt: its pieces in the global order."""
        if prompt not in self._texts:
            self._texts[prompt] = self._join([self.piece(number) for number in self._order if number in prompt])
        return self._texts[prompt]

    def kept_share(self, parent: Prompt, child: Prompt) -> float:
        """Return the share of the parent's pieces that the child still has. Blank pieces do not count."""
        pieces = {number for number in parent if self.piece(number).strip()}
        return len(pieces & child) / len(pieces) if pieces else 1.0
