"""What a long prompt loses."""

from __future__ import annotations

import pytest

from workbench.scoring import Length


@pytest.mark.parametrize(("words", "points"), [(0, 0.0), (400, 0.0), (450, 0.025), (1400, 0.5)])
def test_words_beyond_the_free_ones_cost_in_proportion(words: int, points: float) -> None:
    assert Length(400, 0.05).penalty("word " * words) == pytest.approx(points)
