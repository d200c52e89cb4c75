"""A checkout whose `mix` replays recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.checkout import FakeCheckout, checkout


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCheckout:
    fake = checkout(tmp_path, "live_ok")
    monkeypatch.setenv("PATH", f"{fake.bin}{os.pathsep}{os.environ['PATH']}")
    return fake
