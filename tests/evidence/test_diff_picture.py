"""The picture of two prompts side by side."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from workbench.evidence.diff_picture import diff_picture


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_have_a_picture_that_is_xml(first: str, best: str) -> None:
    """This holds for any characters that a model writes."""
    ElementTree.fromstring(diff_picture(first, best, left="first", right="best"))
