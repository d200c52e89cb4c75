"""docs/study.md is generated from the forms."""

from __future__ import annotations

import re
from pathlib import Path

from workbench.provider_table import KNOWN
from workbench.study.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "study.md"


def test_the_page_is_up_to_date() -> None:
    """If this fails, run `python -m workbench.study.reference > docs/study.md`."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_every_key_has_a_meaning() -> None:
    """No row of a table has an empty meaning."""
    rows = [line for line in reference().split("\n") if line.startswith("| `")]
    assert len(rows) > 40
    assert not [row for row in rows if row.rstrip("| ").endswith("None")]


def test_the_page_says_the_highest_temperature_of_each_provider() -> None:
    """The providers that accept less than 2 are those of the table."""
    (row, _) = [line for line in reference().split("\n") if line.startswith("| `temperature`")]
    for name, service in KNOWN.items():
        if service.highest_temperature not in (None, 2.0):
            assert re.search(rf" {service.highest_temperature:g} \([^)]*\b{name}\b", row), name
