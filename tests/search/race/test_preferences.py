"""The race counts how often a proposer returns to a piece, compared with an even choice among the absent pieces."""

from __future__ import annotations

import math

import pytest

from workbench.search.race.preferences import Preferences


def test_a_piece_that_is_proposed_more_often_than_by_an_even_choice_is_preferred() -> None:
    """A piece that was present could not be proposed, so its absence from a proposal says nothing."""
    preferences = Preferences()
    for _ in range(4):
        preferences.count(frozenset({1}), {1, 2})
    assert preferences.of(1) == pytest.approx(math.log(5 / 3))
    assert preferences.of(2) == pytest.approx(math.log(1 / 3))
    assert preferences.of(3) == 0


def test_novelty_is_the_share_of_pieces_that_were_proposed_once() -> None:
    """Before any proposal, each piece is new."""
    preferences = Preferences()
    assert preferences.novelty == 1
    for added in ({1}, {2}, {2}, {3, 2}):
        preferences.count(frozenset(added), {1, 2, 3})
    assert preferences.novelty == pytest.approx(2 / 5)
