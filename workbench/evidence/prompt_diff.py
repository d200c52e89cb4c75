"""Compares two prompts as `diff -u` does, but with each sentence on a line of its own."""

from __future__ import annotations

import difflib

from workbench import sentences


def prompt_diff(old: str, new: str, old_name: str, new_name: str) -> str:
    """Return the change from one prompt to another. It is empty if they are the same.

    A prompt is often one long line, of which a change of one sentence would show the whole.
    """
    old_lines, new_lines = _lines(old), _lines(new)
    if old_lines == new_lines:
        # The sentences are the same. If the prompts are not, their line breaks differ.
        old_lines, new_lines = old.split("\n"), new.split("\n")
    return "\n".join(difflib.unified_diff(old_lines, new_lines, old_name, new_name, lineterm=""))


def _lines(prompt: str) -> list[str]:
    """Return the lines of a prompt, split into sentences."""
    first, *pieces = sentences.split(prompt)
    lines = first.split("\n")
    for piece in pieces:
        space, line_break, rest = piece.partition("\n")
        if line_break and not space.strip():
            # The piece begins with the end of the line before.
            lines[-1] += space
            lines += rest.split("\n")
        else:
            lines += piece.split("\n")
    return lines
