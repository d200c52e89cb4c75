"""Ways to write a text as a YAML scalar, such that parsers of YAML 1.1 and 1.2 read the same."""

from __future__ import annotations

import re

#: What needs no escape: printable, no line break in any version of YAML, no byte order mark.
PLAIN = "\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
OTHERS = re.compile(f"[^{PLAIN}]")
SHORT = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\t": r"\t", "\r": r"\r"}
#: A block scalar's indentation can be told in one digit.
FAR = 9


def literal(text: str, column: int, indent: int, ending: str, *, last: bool) -> tuple[str, str] | None:
    """Header and content of a literal block scalar; None for a text that does not read back from one.

    Args:
        column: of the key that it belongs to.
        indent: of the content, as it was; what is no indentation below that key is replaced by two more.
        ending: the line break.
        last: nothing follows it in the file.
    """
    lines = text.removesuffix("\n").split("\n")
    if OTHERS.search(text.replace("\n", "")) or any(line and not line.strip() for line in (lines[0], lines[-1])):
        return None
    if not any(lines):
        return None
    # Where the first line does not show how far the content is indented, the header says it.
    told = not lines[0] or lines[0][0] in " \t"
    if indent <= column or (told and indent - column > FAR):
        indent = column + 2
    keep = "+" if text.endswith("\n\n") else "" if text.endswith("\n") else "-"
    body = ending.join(f"{' ' * indent}{line}" if line else "" for line in lines)
    return f"|{indent - column if told else ''}{keep}", body if last and keep == "-" else body + ending


def single_quoted(text: str) -> str | None:
    """None for a text of several lines, or with characters that need an escape."""
    return None if OTHERS.search(text) else "'" + text.replace("'", "''") + "'"


def double_quoted(text: str) -> str:
    """Takes every text, in one line."""
    return '"' + re.sub(rf'[^{PLAIN}]|["\\\t]', lambda found: SHORT.get(found[0]) or _escaped(found[0]), text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
