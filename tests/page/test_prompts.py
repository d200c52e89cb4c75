"""Two prompts are compared by lines, and lines that changed in part by words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.page.prompts import Part, diff_rows


def test_the_words_that_changed_are_marked() -> None:
    """A line with nothing in common is marked as a whole."""
    unchanged, changed, replaced = diff_rows("Title\nWrite the plan.\nx", "Title\nWrite the best plan.\nAnother line.")
    assert (unchanged.removed, unchanged.added, unchanged.first_parts) == (False, False, (Part("Title", False),))
    assert (changed.removed, changed.added) == (True, True)
    assert changed.first_parts == (Part("Write the", False), Part(" plan.", False))
    assert changed.best_parts == (Part("Write the", False), Part(" best", True), Part(" plan.", False))
    assert replaced.first_parts == (Part("x", False),)


def test_a_line_of_one_prompt_stands_alone() -> None:
    (_, added) = diff_rows("One", "One\nTwo")
    assert (added.first, added.first_parts, added.added, added.removed) == (None, (), True, False)


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_character_is_lost(first: str, best: str) -> None:
    rows = diff_rows(first, best)
    assert [row.first for row in rows if row.first is not None] == first.splitlines()
    assert [row.best for row in rows if row.best is not None] == best.splitlines()
    for row in rows:
        assert "".join(part.text for part in row.first_parts) == (row.first or "")
        assert "".join(part.text for part in row.best_parts) == (row.best or "")
