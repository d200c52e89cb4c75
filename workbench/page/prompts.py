"""Compares two prompts line by line, and the words of lines that changed in part."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

from workbench.evidence.diff_picture import paired

#: Two lines are compared word by word if this part of the shorter line's words is in both.
ALIKE = 0.5


@dataclass(frozen=True)
class Part:
    """A piece of a line. `changed` is True if the other line has other words there."""

    text: str
    changed: bool


@dataclass(frozen=True)
class DiffRow:
    """A line of the baseline beside a line of the best prompt. None stands for a missing line."""

    first: str | None
    best: str | None
    first_parts: tuple[Part, ...]
    best_parts: tuple[Part, ...]

    @property
    def removed(self) -> bool:
        """Return True if the best prompt does not have the line of the baseline."""
        return self.first is not None and self.first != self.best

    @property
    def added(self) -> bool:
        """Return True if the baseline does not have the line of the best prompt."""
        return self.best is not None and self.first != self.best


def diff_rows(first: str, best: str) -> list[DiffRow]:
    """Return the lines of two prompts side by side."""
    return [_row(old, new) for old, new in paired(first.splitlines(), best.splitlines())]


def _row(first: str | None, best: str | None) -> DiffRow:
    """Return two lines side by side. If they are alike, mark the words that differ."""
    if first is not None and best is not None and first != best:
        old, new = _words(first), _words(best)
        matcher = SequenceMatcher(None, old, new, autojunk=False)
        common = sum(block.size for block in matcher.get_matching_blocks())
        if common >= ALIKE * min(len(old), len(new)):
            changes = matcher.get_opcodes()
            return DiffRow(
                first,
                best,
                tuple(Part("".join(old[a:b]), kind != "equal") for kind, a, b, _, _ in changes if b > a),
                tuple(Part("".join(new[a:b]), kind != "equal") for kind, _, _, a, b in changes if b > a),
            )
    return DiffRow(first, best, _whole(first), _whole(best))


def _whole(line: str | None) -> tuple[Part, ...]:
    return () if line is None else (Part(line, False),)


def _words(line: str) -> list[str]:
    """Return the words of a line, each with the blanks before it."""
    return re.findall(r"\s*\S+|\s+", line)
