"""No tier runs a test of another tier, and the core stays quick."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import tiers
from tests.support.tiers import CORE_SECONDS, TESTS, may_select, too_slow

CORE = "not processes and not services and not slow"
PROCESSES = "(processes or slow) and not services"
#: An import at the top of a file that takes seconds: of the official SDKs, and of Prefect's server.
SLOW_IMPORT = re.compile(
    r"^(from|import) (anthropic|google\.genai|prefect\.server|workbench\.deployments\.prefect_server"
    r"|tests\.support\.official_)",
    re.MULTILINE,
)
#: These files need the packages at the top. Tests import them when they run.
IMPORTED_BY_TESTS = {"official_replies.py", "official_types.py"}


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
def test_a_file_is_left_out_if_no_test_of_it_can_be_selected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, core: bool, processes: bool
) -> None:
    """A marker on a single test says nothing about the other tests of the file."""
    monkeypatch.setattr(tiers, "TESTS", tmp_path)
    file = tmp_path / "test_a.py"
    file.write_text(text)
    assert (may_select(CORE, file), may_select(PROCESSES, file)) == (core, processes)


def test_a_file_with_a_property_is_selected_by_the_marker_of_hypothesis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`script/test services` tries many examples of each property."""
    monkeypatch.setattr(tiers, "TESTS", tmp_path)
    file = tmp_path / "test_a.py"
    file.write_text("@given(st.text())\ndef test_a(text): ...")
    assert may_select("hypothesis and not services", file)
    file.write_text("def test_a(): ...")
    assert not may_select("hypothesis and not services", file)


def test_a_marker_of_a_fixture_of_the_folder_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some tests of the folder use the fixture."""
    monkeypatch.setattr(tiers, "TESTS", tmp_path)
    (tmp_path / "ledger").mkdir()
    (tmp_path / "ledger" / "conftest.py").write_text('params=["sqlite", pytest.param("x", marks=pytest.mark.services)]')
    file = tmp_path / "ledger" / "test_a.py"
    file.write_text("def test_a(ledger): ...")
    assert may_select(CORE, file)
    assert may_select("services", file)


def test_no_file_imports_large_packages_for_all_workers() -> None:
    """Each worker imports all files of its tier, and one worker runs the tests that need these packages."""
    for file in TESTS.rglob("*.py"):
        assert file.name in IMPORTED_BY_TESTS or not SLOW_IMPORT.search(file.read_text()), file


def test_no_other_file_gives_markers() -> None:
    """`may_select` would not see a marker of a fixture in tests/support, and leave out tests that have it."""
    for file in Path(tiers.__file__).parent.rglob("*.py"):
        assert not tiers._MARKER.search(file.read_text()), file


def test_a_test_of_the_core_that_takes_long_fails() -> None:
    """The message says what to do. A test of another tier may take longer."""
    assert "give it the marker `slow`" in str(too_slow({"parametrize"}, CORE_SECONDS + 0.1))
    assert too_slow(set(), CORE_SECONDS) is None
    assert too_slow({"slow"}, 60.0) is None
