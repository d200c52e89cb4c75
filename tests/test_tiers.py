"""No tier runs a test of another tier, and the core stays quick."""

from __future__ import annotations

import pytest

from tests.support.tiers import CORE_SECONDS, may_select, too_slow

CORE = "not processes and not services and not slow"
PROCESSES = "(processes or slow) and not services"


@pytest.mark.parametrize(
    ("text", "core", "processes"),
    [
        ("def test_a(): ...", True, False),
        ("pytestmark = pytest.mark.processes", False, True),
        ("pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]", False, False),
        ("@pytest.mark.slow\ndef test_a(): ...", True, True),
        ("pytestmark = pytest.mark.processes\n\n@pytest.mark.services\ndef test_a(): ...", False, True),
        ("pytestmark = [pytest.mark.processes, pytest.mark.services]", False, False),
    ],
)
def test_a_file_is_left_out_if_no_test_of_it_can_be_selected(text: str, core: bool, processes: bool) -> None:
    """A marker on a single test says nothing about the other tests of the file."""
    assert (may_select(CORE, text), may_select(PROCESSES, text)) == (core, processes)


def test_a_test_of_the_core_that_takes_long_fails() -> None:
    """The message says what to do. A test of another tier may take longer."""
    assert "give it the marker `slow`" in str(too_slow({"parametrize"}, CORE_SECONDS + 0.1))
    assert too_slow(set(), CORE_SECONDS) is None
    assert too_slow({"slow"}, 60.0) is None
