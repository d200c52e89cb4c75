"""A benchmark with implausible numbers reports them, and does not exit with 0."""

from __future__ import annotations

import json
import math

import pytest

from bench.outcome import conclude, is_share, positive


def test_implausible_numbers_are_reported_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are printed, too."""
    assert conclude({"cpu_ms": 1.2}, {"a VM takes 100 ms": False, "it ends": True}) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"cpu_ms": 1.2}
    assert "implausible: expected that a VM takes 100 ms;" in printed.err
    assert "it ends" not in printed.err
    assert conclude({}, {"it ends": True}) == 0


def test_a_value_that_is_no_number_is_not_positive() -> None:
    assert positive(0.1, 2)
    assert not any(positive(1, value) for value in (0, -1, math.nan, math.inf))


def test_a_share_of_the_ideal_is_hardly_above_one() -> None:
    assert is_share(0.01)
    assert is_share(1.05)
    assert not any(is_share(value) for value in (0, 1.06, math.nan))
