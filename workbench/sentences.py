"""Splits a prompt into sentences and blocks, and joins them to the same text again.

A piece is a sentence, an item of a list, a heading, or a fenced block. The white space in front of it belongs to the
piece, unless it is a single space.
"""

from __future__ import annotations

import re

#: A whole fenced block, or the white space between two pieces: in front of a new block, an item, a heading or a fence,
#: or behind the end of a sentence.
_BOUNDARY = re.compile(
    r"""
    (?=[\s`]) (?:                                 # refuses most places at once, which is three times as fast
    (?P<fence> ^```.*?^```[^\n]*$ )
    | (?P<gap> \s*\n(?=\s*\n) \s+ (?=\S)          # an empty line
             | \n+ (?=[ \t]*(?:[-*+]|\d+[.)])\s)  # an item
             | \n+ (?=\#|```)                     # a heading or a fence
             | (?<=^```)\n+                       # behind a fence
             | (?<=[.!?:]["')»”]) \s+ (?=[A-Z("«“])
             | (?<=[.!?]) (?<!\d\.) (?<!e\.g\.) (?<!i\.e\.) [ \n]+ (?=[A-Z("«“])
      )
    )
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)


def split(text: str) -> list[str]:
    """Return the pieces of a prompt. `join` joins them to the same text."""
    pieces, start = [], 0
    for match in _BOUNDARY.finditer(text):
        if match["gap"] is None or match.start() == start:
            continue
        pieces.append(text[start : match.start()])
        start = match.start()
    pieces.append(text[start:])
    return [pieces[0], *(_without_space(piece) for piece in pieces[1:])]


def join(pieces: list[str]) -> str:
    """Return the prompt of these pieces."""
    return "".join(piece if number == 0 or piece[:1].isspace() else f" {piece}" for number, piece in enumerate(pieces))


def _without_space(piece: str) -> str:
    """Return a piece without the one space in front of it."""
    return piece[1:] if piece[:1] == " " and not piece[1:2].isspace() else piece
