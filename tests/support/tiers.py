"""The tiers of the tests: the core, which is quick, and the markers `slow`, `processes` and `services`."""

from __future__ import annotations

import itertools
import os
import re
from pathlib import Path

from _pytest.mark.expression import Expression, ExpressionMatcher

TESTS = Path(__file__).parents[1]
MARKERS = ("slow", "processes", "services")
#: How much processor time a test of the core may take, in seconds. It is generous: a busy machine needs three times as
#: much for the same work.
CORE_SECONDS = 6.0

#: The profile of Hypothesis that tries many examples. Hypothesis gives each test of a property the marker `hypothesis`.
THOROUGH = "thorough"

_MARKER = re.compile(rf"\bmark\.({'|'.join(MARKERS)})\b")


def may_select(expression: str, file: Path) -> bool:
    """Return True if `-m expression` may select a test of this file.

    A test has the markers in its own file, and those of the fixtures in the files `conftest.py` of its folders.
    """
    of_all, of_some = set[str](), set[str]()
    for folder in file.relative_to(TESTS).parents:
        if (fixtures := TESTS / folder / "conftest.py").is_file():
            of_some.update(_MARKER.findall(fixtures.read_text(encoding="utf-8")))
    for line in file.read_text(encoding="utf-8").splitlines():
        (of_all if line.startswith("pytestmark = ") else of_some).update(_MARKER.findall(line))
        if line.startswith("@given("):
            of_some.add("hypothesis")
    subsets = (subset for size in range(len(of_some) + 1) for subset in itertools.combinations(of_some, size))
    selects = Expression.compile(expression).evaluate
    return any(selects(_among(of_all.union(subset))) for subset in subsets)


def _among(markers: set[str]) -> ExpressionMatcher:
    return lambda name, /, **_: name in markers


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def too_slow(markers: set[str], seconds: float) -> str | None:
    """Return why a test with these markers does not belong to its tier, or None."""
    if seconds <= CORE_SECONDS or markers.intersection(MARKERS):
        return None
    return (
        f"the test took {seconds:.1f} s of processor time; expected at most {CORE_SECONDS:.0f} s in the core: make it "
        "quicker, or give it the marker `slow`"
    )
