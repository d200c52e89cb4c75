"""Draws the baseline and the best prompt side by side as SVG, with the differences in colour.

The differences are a picture, because the Prefect UI removes styles from HTML and shows a fenced diff in one colour.
"""

from __future__ import annotations

import textwrap
from difflib import SequenceMatcher

from workbench.evidence.svg import FAINT, INK, MONO, drawing, text

#: The width of the drawing, the characters of a line in a column, and the height of a line.
WIDTH, COLUMN, LINE = 1180, 78, 17
#: The most lines of each prompt that are drawn. The run's folder has the whole prompts.
MOST_LINES = 120
#: The tints of removed and of added lines.
REMOVED, ADDED = "#ffebe9", "#dafbe1"


def diff_picture(first: str, best: str, *, left: str, right: str) -> str:
    """Return an SVG with two columns. A line that only one prompt has is tinted and marked with − or +.

    Args:
        left, right: the headings of the columns.
    """
    rows = paired(_wrapped(first), _wrapped(best))
    visible = rows[:MOST_LINES]
    height = LINE * (len(visible) + 3) + (LINE if len(rows) > MOST_LINES else 0)
    parts = [text(8, LINE, left, FAINT, bold=True), text(WIDTH / 2 + 8, LINE, right, FAINT, bold=True)]
    for number, (old, new) in enumerate(visible):
        y = LINE * (number + 2)
        parts += _cell(0, y, old, changed=old != new, sign="−", tint=REMOVED)
        parts += _cell(WIDTH / 2, y, new, changed=old != new, sign="+", tint=ADDED)
    if len(rows) > MOST_LINES:
        parts.append(text(8, height - 6, f"… {len(rows) - MOST_LINES} more lines", FAINT))
    return drawing(WIDTH, height, parts, font=MONO)


def _wrapped(prompt: str) -> list[str]:
    lines: list[str] = []
    for line in prompt.splitlines():
        lines += textwrap.wrap(line, COLUMN, drop_whitespace=False, break_long_words=True) or [""]
    return lines


def paired(first: list[str], best: list[str]) -> list[tuple[str | None, str | None]]:
    """Pair the lines: equal lines with each other, and replaced lines with the lines that replace them."""
    rows: list[tuple[str | None, str | None]] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, first, best, autojunk=False).get_opcodes():
        old: list[str | None] = list(first[a1:a2])
        new: list[str | None] = list(best[b1:b2])
        if kind != "equal":
            longest = max(len(old), len(new))
            old += [None] * (longest - len(old))
            new += [None] * (longest - len(new))
        rows += zip(old, new, strict=True)
    return rows


def _cell(x: float, y: int, content: str | None, *, changed: bool, sign: str, tint: str) -> list[str]:
    if content is None:
        return []
    if not changed:
        return [text(x + 22, y + LINE, content, INK)]
    return [
        f'<rect x="{x + 2}" y="{y + 4}" width="{WIDTH / 2 - 6}" height="{LINE}" fill="{tint}"/>',
        text(x + 8, y + LINE, sign, INK),
        text(x + 22, y + LINE, content, INK),
    ]
