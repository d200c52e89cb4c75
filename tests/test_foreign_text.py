"""Tests that a foreign text is shown without secrets, and without characters that a terminal obeys."""

from __future__ import annotations

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.foreign_text import SHORTEST_SECRET, one_line, printable, scrubbed, storable

SECRET = "AIza+Sy/secret=0123456789 abcdef"


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote(SECRET, safe="").lower().replace("aiza", "AIza").replace("sy", "Sy"),
        quote_plus(SECRET),
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_goes_in_every_form_in_which_it_is_echoed(form: str) -> None:
    """The rest of the text stays."""
    text = scrubbed(f"bad key: {form} (400)", [SECRET])
    assert text.startswith("bad key: …")
    assert text.endswith("(400)")
    assert "secret" not in text
    assert form not in text


@given(
    before=st.text(), after=st.text(), secret=st.text(min_size=SHORTEST_SECRET).filter(lambda secret: "…" not in secret)
)
def test_no_secret_is_left_whatever_stands_around_it(before: str, after: str, secret: str) -> None:
    """Any unicode may stand around the secret, and in it."""
    assert secret not in scrubbed(before + secret + after, [secret])


@pytest.mark.parametrize("secret", ["", "1", "short"])
def test_a_short_dummy_does_not_destroy_the_text(secret: str) -> None:
    """A key such as `1` hides nothing."""
    assert scrubbed("a short text: 1", [secret]) == "a short text: 1"


def test_characters_that_a_terminal_obeys_are_replaced() -> None:
    """Line breaks and tabs stay."""
    assert printable("a\x1b[31m\u202eb\n\tc") == "a\ufffd[31m\ufffdb\n\tc"


def test_a_key_that_is_no_valid_text_is_taken_out() -> None:
    """The environment may hold any bytes."""
    key = b"key-\xff-0123456789".decode(errors="surrogateescape")
    assert scrubbed(f"bad key: {key} key-%FF-0123456789", [key]) == "bad key: … …"


def test_a_text_on_one_line_is_short_and_printable() -> None:
    """A line break could make a second line of a log, and an escape could move the cursor of a terminal."""
    assert one_line("a\nb\u2028c\x1b[2J  d", 99) == "a b c\N{REPLACEMENT CHARACTER}[2J d"
    assert one_line("x" * 9999, 20) == f"{'x' * 19}…"


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    """All other text stays as it is."""
    assert storable("a\ud83d b\udfff \u2028 😀") == "a? b? \u2028 😀"
