"""The fenced blocks of the README, and of other pages."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.support.command_line import CHECKOUT

README = CHECKOUT / "README.md"


def blocks(language: str, page: Path = README) -> list[str]:
    """Return the fenced blocks of a page in this language, in their order."""
    all_blocks = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.DOTALL | re.MULTILINE)
    return [text for word, text in all_blocks if word == language]


def commands_of(language: str, number: int) -> list[list[str]]:
    """Return the commands of one block in this language, counted from 0."""
    return [shlex.split(command) for command in blocks(language)[number].splitlines()]
