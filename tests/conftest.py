"""Prevents accidents in tests: no keys, no folders of the user, no connections beyond this machine."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.tiers import TESTS, THOROUGH, may_select, processor_seconds, too_slow

# Prefect and Workbench read these variables when they are imported. Set them before that.
_HOME = Path(tempfile.mkdtemp(prefix="workbench-tests-"))
for _name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE")) or name.startswith("PREFECT_")]:
    del os.environ[_name]
for _name in ("GOOGLE_GEMINI_BASE_URL", "ANTHROPIC_BASE_URL", "GEMINI_BASE_URL", "OPENAI_BASE_URL"):
    os.environ.pop(_name, None)
os.environ["WORKBENCH_HOME"] = str(_HOME / "workbench")
os.environ["PREFECT_HOME"] = str(_HOME / "prefect")
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
# Each worker has one core. The threads of numpy's linear algebra would wait for each other in busy loops.
os.environ["OPENBLAS_NUM_THREADS"] = "1"
# The runtime asks once and does not retry. A request without a scripted answer fails its test at once.
os.environ["PIPELINE_RETRIES"] = "0"

# The tests of whole runs and of the benchmarks use the same server.
pytest_plugins = ["tests.support.server"]

# Importing the tests makes millions of objects that stay until the end. Looking for garbage among them takes a fifth of
# the time.
gc.disable()
#: How many new objects the tests may make before garbage is collected. Python's own limit is 700.
GARBAGE = 20_000

# A slow machine must not fail a test. The core tries a few new examples of each property every time, and
# `script/test services` tries many.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("workbench", PATIENT, max_examples=20)
settings.register_profile(THOROUGH, PATIENT, max_examples=400)
settings.load_profile("workbench")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out files in which `-m` deselects every test: importing them takes seconds in each worker."""
    expression = config.option.markexpr
    if not expression or collection_path.suffix != ".py":
        return None
    return None if may_select(expression, collection_path) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first: a file that starts last lets the other workers wait."""
    rooms = ("flows", "bench", "system", "apply", "execution", "contracts", "commands")
    place = {room: number for number, room in enumerate(rooms)}
    items.sort(key=lambda item: place.get(item.path.relative_to(TESTS).parts[0], len(rooms)))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Collect garbage from now on, and only among the objects that the tests make."""
    gc.freeze()
    gc.set_threshold(GARBAGE)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test of the core that takes long, unless it tries many examples."""
    begin = processor_seconds()
    yield
    if item.config.getoption("--hypothesis-profile") == THOROUGH:
        return
    if reason := too_slow({marker.name for marker in item.iter_markers()}, processor_seconds() - begin):
        pytest.fail(reason, pytrace=False)


_connect = socket.socket.connect


def _connect_to_loopback(self: socket.socket, address: Any) -> None:
    """Connect a socket, unless the address is beyond this machine."""
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _loopback(address[0]):
        raise AssertionError(f"a test tried to reach {address[0]}")
    _connect(self, address)


def _loopback(host: str) -> bool:
    """Return True if the host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True, scope="session")
def only_loopback() -> Iterator[None]:
    """Refuse all connections beyond this machine, in all tests."""
    socket.socket.connect = _connect_to_loopback  # type: ignore[method-assign, assignment]  # all clients call this method
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]  # as it was
