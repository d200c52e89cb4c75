"""Draws the first and the best prompt side by side as SVG, with the differences in colour.

This is a picture because the Prefect UI removes styles from HTML and shows a fenced diff in one colour.
"""

from __future__ import annotations

import re
import textwrap
from difflib import SequenceMatcher
from html import escape

WIDTH, COLUMN, LINE = 1180, 78, 17
#: The most lines of each prompt that are drawn. The run's folder has the whole prompts.
MOST_LINES = 120
RED, GREEN = "#ffebe9", "#dafbe1"
INK, FAINT = "#24292f", "#57606a"


def diff(first: str, best: str, *, left: str, right: str) -> str:
    """Return an SVG with two columns. A line that only one prompt has is tinted and marked with − or +.

    Args:
        left, right: the headings of the columns.
    """
    rows = _rows(_wrapped(first), _wrapped(best))
    visible = rows[:MOST_LINES]
    height = LINE * (len(visible) + 3) + (LINE if len(rows) > MOST_LINES else 0)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="ui-monospace, Menlo, monospace" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        _text(8, LINE, left, FAINT, bold=True),
        _text(WIDTH / 2 + 8, LINE, right, FAINT, bold=True),
    ]
    for number, (old, new) in enumerate(visible):
        y = LINE * (number + 2)
        parts += _cell(0, y, old, changed=old != new, sign="−", tint=RED)
        parts += _cell(WIDTH / 2, y, new, changed=old != new, sign="+", tint=GREEN)
    if len(rows) > MOST_LINES:
        parts.append(_text(8, height - 6, f"… {len(rows) - MOST_LINES} more lines", FAINT))
    return "\n".join([*parts, "</svg>"])


def _wrapped(text: str) -> list[str]:
    lines: list[str] = []
    for line in text.splitlines():
        lines += textwrap.wrap(line, COLUMN, drop_whitespace=False, break_long_words=True) or [""]
    return lines


def _rows(first: list[str], best: list[str]) -> list[tuple[str | None, str | None]]:
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


def _cell(x: float, y: int, text: str | None, *, changed: bool, sign: str, tint: str) -> list[str]:
    if text is None:
        return []
    if not changed:
        return [_text(x + 22, y + LINE, text, INK)]
    return [
        f'<rect x="{x + 2}" y="{y + 4}" width="{WIDTH / 2 - 6}" height="{LINE}" fill="{tint}"/>',
        _text(x + 8, y + LINE, sign, INK),
        _text(x + 22, y + LINE, text, INK),
    ]


def _text(x: float, y: float, text: str, colour: str, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    # A model may have written characters that XML forbids.
    clean = escape(re.sub(r"[^\t\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text))
    return f'<text x="{x}" y="{y}" fill="{colour}"{weight} xml:space="preserve">{clean}</text>'
