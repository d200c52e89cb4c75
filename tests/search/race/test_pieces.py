"""Prompts are sets of pieces: what is read is composed again, and new pieces find their place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.search.race.pieces import Pieces, default_split


def pieces(seed: str) -> Pieces:
    return Pieces(seed, *default_split(seed))


@pytest.mark.parametrize(("seed", "number"), [("a b c", 3), ("a b\nc d", 2), ("one line\n", 2), ("", 0)])
def test_a_prompt_is_split_into_lines_or_words(seed: str, number: int) -> None:
    assert len(pieces(seed).seed) == number


@given(st.lists(st.sampled_from("abcd"), min_size=1).map("\n".join))
def test_a_prompt_keeps_its_text(text: str) -> None:
    known = Pieces(text, lambda text: text.split("\n"), "\n".join)
    assert known.text(known.read(text)) == text


@given(st.lists(st.sampled_from("abcdef"), min_size=1), st.lists(st.sampled_from("abcdef"), min_size=1))
def test_every_set_of_pieces_is_read_as_itself(first: list[str], second: list[str]) -> None:
    known = pieces(" ".join(first))
    other = known.read(" ".join(second))
    for numbers in (known.seed | other, known.seed - other, other - known.seed, known.seed & other):
        prompt = known.compose(numbers)
        assert known.read(known.text(prompt)) == prompt


def test_a_new_piece_stands_behind_its_predecessor_in_every_prompt() -> None:
    known = pieces("a b c")
    with_x, with_y = known.read("a x b c"), known.read("a b c y")
    assert known.text(with_x | with_y) == "a x b c y"


def test_the_second_occurrence_is_another_piece() -> None:
    known = pieces("a b")
    twice = known.read("a b a")
    assert len(twice) == 3
    (second,) = twice - known.seed
    assert known.compose([second]) == known.read("a")


def test_blank_pieces_do_not_count_as_kept() -> None:
    known = pieces("a\n\nb\n\nc")
    assert known.kept_share(known.seed, known.read("a\n\nx\n\ny")) == pytest.approx(1 / 3)


def test_a_piece_leaves_the_prompt_with_the_piece_that_it_needs() -> None:
    """A chain of needs goes as a whole."""
    needs = {"b": ["a"], "c": ["b"]}
    known = Pieces("a b c d", str.split, " ".join, lambda piece: needs.get(piece, ()))
    a, b, c, d = sorted(known.seed)
    assert known.text(known.compose({b, c, d})) == "d"
    assert known.text(known.compose({a, c, d})) == "a d"
    assert known.text(known.compose({a, b, c})) == "a b c"
