"""Whatever a model writes, the text that is taken in can be kept, and JSON has its limits."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workbench.models.text import DEEPEST, UnusableText, take_in, take_in_json


@given(st.text(st.characters()) | st.binary())
def test_any_text_can_be_stored_after_it_was_cleaned(text: str | bytes) -> None:
    """UTF-8, JSON and YAML hold it, and all programs count the same lines."""
    clean = take_in(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert json.loads(json.dumps(clean)) == clean
    assert yaml.safe_load(yaml.safe_dump({"text": clean})) == {"text": clean}
    assert clean.splitlines() == (clean.removesuffix("\n").split("\n") if clean else [])
    assert take_in(clean) == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\u2028b\u0085c\r\nd\re", "a\nb\nc\nd\ne"),
        ("\ud83d\x00\x1b[31m", "\ufffd\ufffd\ufffd[31m"),
        ("plain\tüñ 😀", "plain\tüñ 😀"),
        (b"\xff\xfe ok", "\ufffd\ufffd ok"),
    ],
)
def test_a_character_that_cannot_be_kept_is_replaced(text: str | bytes, clean: str) -> None:
    """Line breaks become LF, and other characters U+FFFD. All other text stays as it is."""
    assert take_in(text) == clean


def test_a_text_has_a_limit() -> None:
    """The message says how long the text is, and how long it may be."""
    with pytest.raises(UnusableText, match="it has 11 characters; expected at most 10"):
        take_in("x" * 11, 10)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 100_000 + "]" * 100_000, "too deep"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "too deep"),
        ('{"a": 1, "a": 2}', "a key twice"),
        ("[NaN]", "the number NaN"),
        ('{"a": ', "no JSON"),
        ("1" * 5000, "no JSON"),
    ],
)
def test_json_that_is_no_data_is_refused(text: str, problem: str) -> None:
    """The message says why."""
    with pytest.raises(UnusableText, match=problem):
        take_in_json(text)


def test_texts_within_json_are_cleaned_too() -> None:
    """An escape in JSON can stand for a lone surrogate."""
    assert take_in_json('{"a\\ud800": ["\\u2028"]}') == {"a\ufffd": ["\n"]}


@given(st.text(st.characters()))
def test_any_text_is_json_or_is_refused(text: str) -> None:
    """UnusableText is the only error."""
    try:
        take_in_json(text)
    except UnusableText as problem:
        assert str(problem)
