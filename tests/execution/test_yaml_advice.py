"""A plan that is no YAML says what to write instead."""

from __future__ import annotations

import pytest

from workbench.execution.plan import problem


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("title: Plan: a release", "a text with a colon and a space in it needs quotes"),
        ("goal: 50% of: all", "a text with a colon and a space in it needs quotes"),
        ("s:\n- a: b: c", "a text with a colon and a space in it needs quotes"),
        ('a: "x": y', "a text with a colon and a space in it needs quotes"),
        ("a: {{x}}: y", "a text with a colon and a space in it needs quotes"),
        ("a: x\n b: y", "this key stands where no key may stand"),
        ("steps:\n- a\n  b: c", "this key stands where no key may stand"),
        ("a: `mix test`", "no text may begin with a backtick"),
        ("`mix test`: b", "no text may begin with a backtick"),
        ("steps:\n  - `mix test`", "no text may begin with a backtick"),
        ("{a: `x`}", "no text may begin with a backtick"),
        ("owner: @team", "no text may begin with an @"),
        ("@team: a", "no text may begin with an @"),
        ("share: %x", "no text may begin with a %"),
        ("%x: a", "no text may begin with a %"),
        ("%: a", "no text may begin with a %"),
        ("a: **bold**", "leave out markdown's emphasis"),
        ("**A**: b", "leave out markdown's emphasis"),
        ("s:\n- **x**: y", "leave out markdown's emphasis"),
        ("a: * x", "no text may begin with a *"),
        ("a: & x", "no text may begin with an &"),
        ("a:\n\tb: 1", "indent with spaces only"),
        ("a: - b", "a list begins in a line of its own"),
        ("a: ? b", "no text may begin with a ?"),
        ("a: 'it's here'", "in single quotes write '' for '"),
        ('a: "one" two', "in double quotes write"),
        ("a: |x\n  b", "the rest of the line after | or > stays empty"),
        ("a: 'x", "a quote is not closed"),
        ('a: "\\q"', "write \\\\ for a backslash"),
        ('a: "C:\\Users"', "write \\\\ for a backslash"),
        ('a: "\\u12"', "write \\\\ for a backslash"),
        ("a: [x](y)", "a text that begins with a bracket needs quotes"),
        ("s:\n- [ ] todo", "a text that begins with a bracket needs quotes"),
        ("a: {x} y", "a text that begins with a bracket needs quotes"),
        ("a: [1", "a bracket is not closed"),
        ("a: {b: [c}", "bracket"),
        ("a: ]", "no text may begin with this character"),
        ("a: ,b", "no text may begin with this character"),
        ("a: |\n x\nb\nc: d", "this line is no key"),
        ("a:\n    b: 1\n  c: 2", "indented alike"),
    ],
)
def test_the_problem_says_what_to_do(text: str, advice: str) -> None:
    """The line stands before the advice. Most advice is to quote the text or to use a block text."""
    message = problem(text)
    assert message is not None
    assert advice in message
    assert "in line" in message


@pytest.mark.parametrize(
    ("text", "character"), [("a: b\x07", "U+0007"), ("a: \ufffe", "U+FFFE"), ("a: \ud800", "U+D800")]
)
def test_a_character_that_yaml_refuses_is_named(text: str, character: str) -> None:
    """No quotes and no block text make such a character valid."""
    assert f"the character {character}, which YAML refuses; leave it out" in (problem(text) or "")


@pytest.mark.parametrize("sign", ["`", "@", "%"])
def test_the_advice_works(sign: str) -> None:
    """A text in quotes and a block text both make the plan valid."""
    assert "put the text in quotes, or write it as a block text" in (problem(f"a: {sign}x: y") or "")
    assert problem(f"a: '{sign}x: y'") is None
    assert problem(f"a: |\n  {sign}x: y\n") is None
