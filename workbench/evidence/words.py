"""Writes numbers, amounts and texts of models as people read them."""

from __future__ import annotations

import re

from workbench.foreign_text import one_line


def plural(number: int, noun: str) -> str:
    """Return a number with its noun: `1 execution`, `2 executions`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def money(dollars: float) -> str:
    """Return an amount as a person reads it: with two digits, or with four if it is below ten cents."""
    return f"${dollars:.2f}" if dollars >= 0.1 or dollars == 0 else f"${dollars:.4f}"


def plain(text: str) -> str:
    """Return a text on one line, with every ASCII sign escaped as CommonMark allows: no markup, no link, no picture."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", one_line(text))
