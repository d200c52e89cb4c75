"""A prompt is split into sentences and blocks, and joined to the same text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.sentences import join, split

PARTS = ["a", "B", ". ", " ", "\n", "\n\n", "- ", "1. ", "```", "```\n", "# ", "! ", '."', "  "]


@given(st.lists(st.sampled_from(PARTS)).map("".join) | st.text())
def test_join_undoes_split(text: str) -> None:
    assert join(split(text)) == text


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Write the plan. Be brief! Why?", ["Write the plan.", "Be brief!", "Why?"]),
        ("One sentence over\ntwo lines. Another.", ["One sentence over\ntwo lines.", "Another."]),
        ("Use tools, e.g. Mix. See 1. Then stop.", ["Use tools, e.g. Mix.", "See 1. Then stop."]),
        ("Rules:\n- first\n- second\n  line\n1. third", ["Rules:", "\n- first", "\n- second\n  line", "\n1. third"]),
        ("# Task\nWrite.\n\n# Form\nYAML.", ["# Task\nWrite.", "\n\n# Form\nYAML."]),
        (
            "Like this:\n```yaml\na: 1\n\nb: 2. C\n```\nEnd.",
            ["Like this:", "\n```yaml\na: 1\n\nb: 2. C\n```", "\nEnd."],
        ),
        ("", [""]),
    ],
)
def test_the_pieces_are_sentences_items_and_blocks(text: str, pieces: list[str]) -> None:
    assert split(text) == pieces


def test_pieces_can_be_left_out_and_added() -> None:
    """What remains still reads as prose, and as a list."""
    first, second, third = split("Write the plan. Be brief.\n- Name files.")
    assert join([first, third]) == "Write the plan.\n- Name files."
    assert join([first, "Name the risks.", second]) == "Write the plan. Name the risks. Be brief."
