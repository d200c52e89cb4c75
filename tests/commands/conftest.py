"""Provides the `workbench` command with its own home, for the tests of all verbs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def line(tmp_path: Path) -> CommandLine:
    """Return the command line with an empty home."""
    return CommandLine(tmp_path / "home")
