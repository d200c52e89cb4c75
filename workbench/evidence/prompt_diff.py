"""Compares two prompts as `diff -u` does, but with each sentence on a line of its own."""

from __future__ import annotations

import difflib

from workbench import sentences


def prompt_diff(old: str, new: str, old_name: str, new_name: str) -> str:
    """Return the change from one prompt to another. It is empty if they are the same.

    A prompt is often one long line, of which a change of one sentence would show the whole.
    """
    lines = difflib.unified_diff(_lines(old), _lines(new), old_name, new_name, lineterm="")
    return "\n".join(lines)


def _lines(prompt: str) -> list[str]:
    """Return the lines of a prompt, split into sentences."""
    return [line for piece in sentences.split(prompt) for line in piece.split("\n")]
