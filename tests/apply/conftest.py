"""What several seams' tests begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import World
from workbench.execution.own.project import SHIPPED_PIPELINE


@pytest.fixture
def world(tmp_path: Path) -> World:
    """With an identity, and a second branch that is nobody's business."""
    made = World(tmp_path / "repository", tmp_path / "home")
    made.repository.mkdir()
    made.home.mkdir()
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "Ü")
    made.git("config", "user.email", "u@example.org")
    made.pipeline(SHIPPED_PIPELINE.read_bytes())
    made.git("branch", "other")
    return made
