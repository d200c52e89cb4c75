"""Writes a change to a file as a patch, in the form of `git diff`."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

#: How git writes the characters of a file's name that would end the name or its quotes.
_ESCAPES = {
    "\a": "\\a",
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\v": "\\v",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}
_SPECIAL = re.compile(r'[\x00-\x1f\x7f"\\]')


def patch(before: str, after: str, file: Path) -> str:
    """Return the change as a patch, or "" if nothing changes.

    `git apply` and `patch -p1` accept the patch at the top of the repository.
    """
    top = next((folder for folder in file.parents if (folder / ".git").exists()), file.parent)
    name = file.relative_to(top).as_posix()
    old, new = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (before, after))
    lines = difflib.unified_diff(old, new, _header(f"a/{name}"), _header(f"b/{name}"))
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _header(name: str) -> str:
    """Return a file's name as git writes it into a header.

    A name with special characters stands in quotes. A tab follows a name with spaces, because `patch` would otherwise
    end the name at a space.
    """
    if _SPECIAL.search(name):
        escaped = _SPECIAL.sub(lambda match: _ESCAPES.get(match[0], rf"\{ord(match[0]):03o}"), name)
        name = f'"{escaped}"'
    return f"{name}\t" if " " in name else name
