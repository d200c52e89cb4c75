"""The command line of a user of the pytest worker's Prefect server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import CommandLine


@pytest.fixture
def line(server: dict[str, str], tmp_path: Path) -> CommandLine:
    """Return the command line of a user with an empty home, whose path has blanks and letters beyond ASCII."""
    home = tmp_path / "mein Zuhause für Pläne"
    home.mkdir()
    return CommandLine(home, server)
