"""Sentences leave a chosen prompt that help nobody, or that conflict with a better one."""

from __future__ import annotations

from workbench.search.optimizers.tidying import MEASURABLE, unmeasurable, without, worse_of
from workbench.search.race.standing import PieceEffect

PROMPT = "Write the plan. Name the owner. Name a deputy. Be kind."


def effect(text: str, mean: float, *, in_seed: bool = False) -> PieceEffect:
    return PieceEffect(text, mean, 0.1, executions=5, in_seed=in_seed, in_best=True)


def no_needs(piece: str) -> list[str]:
    return []


def test_an_added_sentence_without_a_measurable_effect_is_named() -> None:
    """The user's own sentences are never among them."""
    limit = MEASURABLE * 0.1
    effects = [effect("a", limit + 0.001), effect("b", limit - 0.001), effect("c", -1.0, in_seed=True)]
    assert unmeasurable(effects) == {"b"}


def test_of_a_conflict_the_sentence_that_is_worth_less_goes() -> None:
    """A sentence that was never measured stays, and one that has gone ends its other conflicts."""
    pieces = ["a", "b", "c", "d"]
    effects = [effect("b", 0.3), effect("c", 0.1), effect("d", 0.2)]
    assert worse_of([(2, 3), (3, 4)], pieces, effects) == {"c"}
    assert worse_of([(1, 2)], pieces, effects) == {"b"}
    assert worse_of([(1, 1)], pieces, []) == set()


def test_a_sentence_leaves_together_with_the_sentences_that_need_it() -> None:
    needs = {"Name a deputy.": ["Name the owner."], "Be kind.": ["Name a deputy."]}
    assert without(PROMPT, {"Name the owner."}, lambda piece: needs.get(piece, [])) == "Write the plan."
    assert without(PROMPT, {"Name a deputy."}, no_needs) == "Write the plan. Name the owner. Be kind."
    assert without(PROMPT, {"Sing."}, no_needs) == PROMPT


def test_a_prompt_that_would_become_empty_stays_as_it_is() -> None:
    assert without("One. Two.", {"One.", "Two."}, no_needs) == "One. Two."
