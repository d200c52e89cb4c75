"""Writes a text as a YAML scalar that parsers of YAML 1.1 and 1.2 read in the same way."""

from __future__ import annotations

import re

#: Characters that need no escape: printable, no line break in any version of YAML, no byte order mark.
PLAIN = "\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
#: Any other character.
NEEDS_ESCAPE = re.compile(f"[^{PLAIN}]")
#: The escapes that YAML writes with a letter or a sign.
SHORT_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "\r": r"\r"}
#: The largest indentation that a block scalar's header can state: it has one digit.
MAX_INDENTATION = 9


def literal(text: str, column: int, indent: int, ending: str, *, last: bool) -> tuple[str, str] | None:
    """Return the header and the content of a literal block scalar, or None if the text cannot be read back from one.

    Args:
        column: the column of the scalar's key.
        indent: the former indentation of the content. If it is not deeper than the key, `column + 2` replaces it.
        ending: the line break.
        last: True if nothing follows the scalar in the file.
    """
    lines = text.removesuffix("\n").split("\n")
    if NEEDS_ESCAPE.search(text.replace("\n", "")) or any(line and not line.strip() for line in (lines[0], lines[-1])):
        return None
    if not any(lines):
        return None
    # If the first line does not show the indentation of the content, the header must state it.
    states_indent = not lines[0] or lines[0][0] in " \t"
    if indent <= column or (states_indent and indent - column > MAX_INDENTATION):
        indent = column + 2
    chomping = "+" if text.endswith("\n\n") else "" if text.endswith("\n") else "-"
    body = ending.join(f"{' ' * indent}{line}" if line else "" for line in lines)
    return f"|{indent - column if states_indent else ''}{chomping}", body if last and chomping == "-" else body + ending


def single_quoted(text: str) -> str | None:
    """Return the text in single quotes, or None if it has several lines or characters that need an escape."""
    return None if NEEDS_ESCAPE.search(text) else "'" + text.replace("'", "''") + "'"


def double_quoted(text: str) -> str:
    """Return the text in double quotes, in one line. Every text can be written like this."""
    escaped = re.sub(rf'[^{PLAIN}]|["\\\t]', lambda match: SHORT_ESCAPES.get(match[0]) or _escaped(match[0]), text)
    return f'"{escaped}"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
