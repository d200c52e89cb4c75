"""Provides a git repository with a pipeline, and a home with a run, for the tests of apply and revert."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.repository import World
from workbench.execution.own.project import SHIPPED_PIPELINE


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a repository with an identity, a committed pipeline and a second branch `other`."""
    world = World(tmp_path / "repository", tmp_path / "home")
    world.repository.mkdir()
    world.home.mkdir()
    world.git("init", "-q", "-b", "main")
    world.git("config", "user.name", "Ü")
    world.git("config", "user.email", "u@example.org")
    world.pipeline(SHIPPED_PIPELINE.read_bytes())
    world.git("branch", "other")
    return world
