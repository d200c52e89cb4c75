"""Damage is known: it hits the share of a plan that it should, always the same one, and a higher degree hits more."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.calibration.damage import (
    CLAIM,
    CONTRADICTION,
    DAMAGES,
    DEGREES,
    FILLER,
    blocks,
    contradicted,
    diluted,
    dropped,
    injected,
    shuffled,
)

GOLD = Path(__file__).parents[2] / "examples/otp_refactor/JULY_1_2025_PRE_PHASE_2_OTP_report_01.md"
MARKDOWN = GOLD.read_text(encoding="utf-8")
YAML = "stages:\n" + "".join(f"- name: stage {n}\n  actions:\n  - do {n}\n" for n in range(10))
PROSE = (
    "First put every process under a supervisor. Then measure how long each call takes! Can you roll back each stage? "
    "Test it twice before the merge. Write down what was decided and why. Name one owner for each of the stages. "
    "Estimate the work in days. Deploy to one node first, and then to all of them.\n"
)
TEXTS = st.text(st.sampled_from("ab .!\n-#:`"), max_size=200) | st.sampled_from([MARKDOWN, YAML, PROSE])


@given(TEXTS)
def test_the_blocks_of_a_text_are_the_whole_text(text: str) -> None:
    assert "".join(blocks(text)) == text


@pytest.mark.parametrize("text", [MARKDOWN, YAML, PROSE], ids=["markdown", "yaml", "prose"])
def test_every_form_of_a_plan_has_enough_blocks(text: str) -> None:
    """The degrees differ from each other."""
    assert len(blocks(text)) >= 8
    for damage in DAMAGES.values():
        damaged = [damage(text, degree) for degree in (0.0, *DEGREES)]
        assert len({" ".join(version.split()) for version in damaged}) == 4


def test_a_code_block_is_not_cut() -> None:
    """A blank line in a code block separates nothing."""
    text = "".join(f"part {n}\n\n" for n in range(8)) + "```elixir\na\n\nb\n```\n"
    assert blocks(text)[-1] == "```elixir\na\n\nb\n```\n"


@given(TEXTS, st.sampled_from(sorted(DAMAGES)))
def test_no_damage_changes_no_word(text: str, kind: str) -> None:
    assert DAMAGES[kind](text, 0.0).split() == text.split()


@given(TEXTS, st.floats(0, 1))
def test_damage_hits_the_share_that_it_should(text: str, degree: float) -> None:
    """Shuffling keeps every letter. The other kinds hit as many blocks as the degree says."""
    share = round(degree * len(blocks(text)))
    assert Counter(shuffled(text, degree).replace("\n", "")) == Counter(text.replace("\n", ""))
    assert contradicted(text, degree).count(CONTRADICTION) == share
    assert injected(text, degree).count(CLAIM) == share


@given(TEXTS, st.floats(0, 1), st.floats(0, 1))
def test_a_higher_degree_drops_the_same_and_more(text: str, one: float, other: float) -> None:
    """What is left at the higher degree is left at the lower one, in the same order. Nothing is random."""
    low, high = sorted((one, other))
    rest = iter(dropped(text, low))
    assert all(letter in rest for letter in dropped(text, high))
    assert dropped(text, low) == dropped(text, low)


def test_dilution_adds_its_share_of_words_and_keeps_the_plan() -> None:
    """The sentences say nothing about any plan."""
    words = len(MARKDOWN.split())
    for degree in DEGREES:
        text = diluted(MARKDOWN, degree)
        added = len(text.split()) - words
        assert added == pytest.approx(degree * words, rel=0.05)
        for sentence in FILLER:
            text = text.replace(f"{sentence}\n", "")
        assert text.rstrip() == MARKDOWN.rstrip()


def test_an_injected_plan_addresses_the_judge_in_the_place_of_steps() -> None:
    text = injected(MARKDOWN, 0.5)
    assert text.count(CLAIM) == round(0.5 * len(blocks(MARKDOWN)))
    assert len(text.replace(CLAIM, "")) < 0.75 * len(MARKDOWN)
