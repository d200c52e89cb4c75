"""Accidents are impossible here: no keys, no homes of the user's, no connection beyond this machine."""

from __future__ import annotations

import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# Before anything imports Prefect or Workbench, which read these when they are imported.
_HOME = Path(tempfile.mkdtemp(prefix="workbench-tests-"))
for _name in [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("PREFECT_")]:
    del os.environ[_name]
for _name in ("GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL", "GEMINI_BASE_URL"):
    os.environ.pop(_name, None)
os.environ["WORKBENCH_HOME"] = str(_HOME / "workbench")
os.environ["PREFECT_HOME"] = str(_HOME / "prefect")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
# One request, one answer: what a script does not say is asked once, and fails the test.
os.environ["PIPELINE_RETRIES"] = "0"

# A busy machine is slow, not wrong.
settings.register_profile("workbench", deadline=None)
settings.load_profile("workbench")

_connect = socket.socket.connect


def _connect_here(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _loopback(address[0]):
        raise AssertionError(f"a test tried to reach {address[0]}")
    _connect(self, address)


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Whatever a test does, nothing leaves the machine."""
    socket.socket.connect = _connect_here  # type: ignore[method-assign]  # the one place where all clients meet
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]
