"""The sentences that say how a run stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.run_folder import add, begin, finish
from workbench.evidence.sentence import by_chance, sentence
from workbench.evidence.summary import summarize
from workbench.run.record import Ending, RunRecord, SearchResult


@pytest.mark.parametrize(
    ("ended", "spent", "why"),
    [
        ("optimizer", 5, "No plan passed."),
        ("optimizer", 10, "No plan passed."),
        ("budget", 10, "No other prompt was tried: the search's budget of 10 executions is used up."),
    ],
)
def test_a_search_that_tried_no_other_prompt_says_why(tmp_path: Path, ended: Ending, spent: int, why: str) -> None:
    """A used-up budget is a better reason than the optimizer's own, which may be false then."""
    folder = begin(tmp_path, optimizer="bootstrap", if_nothing_tried="No plan passed.")
    add(folder, "search", "first", 0, 9.0)
    finish(folder, "first", (3.0, 3.0, 3.0), ())
    folder.save(folder.load(SearchResult).model_copy(update={"ended": ended, "spent": spent}))
    score = "3.00 (90% 2.6 to 3.4, 3 fresh executions)"
    assert sentence(summarize(folder)) == f"{why} The starting prompt scores {score}."
    folder.save(folder.load(RunRecord).model_copy(update={"champion": 2}))
    assert sentence(summarize(folder)) == f"{why} Champion 2 scores {score}."


@pytest.mark.parametrize(
    ("confirm", "baseline", "best", "words"),
    [
        (8, [6.0, 5.4, 6.6, 6.1], [5.9, 5.4, 6.6, 6.1], "No better prompt found: it shows no gain (-0.03, 95%"),
        (8, [8.0, 8.1, 8.2, 8.3], [5.9, 5.4, 6.6, 6.1], "No better prompt found: it is surely worse (-2.15, 95%"),
        (
            3,
            [3.0, 3.2, 3.1],
            [8.0, 8.5, 8.2],
            "(+5.13, 90% 0.00 to 5.50) can be chance; about 1 more replicate of both",
        ),
        (3, [3.0, 3.2, 3.1], [8.0, 8.5, 8.2], "would decide (set confirm to 4)."),
        (4, [3.0, 5.0] * 2, [4.0, 6.0] * 2, "would decide (set confirm to "),
        (16, [6.0, 5.4, 6.6, 6.1] * 4, [6.1, 5.6, 6.7, 6.2] * 4, "(more than confirm may allow, which is 16)"),
    ],
)
def test_a_prompt_that_does_not_win_has_its_reason(
    tmp_path: Path, confirm: int, baseline: list[float], best: list[float], words: str
) -> None:
    """No advice is impossible to follow, and no interval contradicts the words."""
    folder = begin(tmp_path, confirm=confirm, alpha=0.05)
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", tuple(baseline), tuple(best))
    assert words in sentence(summarize(folder))


@pytest.mark.parametrize(
    ("gain", "warning"),
    [
        (0.0, "this prompt is not better than the baseline beyond chance"),
        (0.4, "this prompt is surely better than the baseline, but by less than 0.5 points"),
        (0.6, None),
    ],
)
def test_a_prompt_that_wins_by_too_little_is_not_called_chance(
    tmp_path: Path, gain: float, warning: str | None
) -> None:
    """`generate` and `apply` warn of both, in words that the result does not contradict."""
    folder = begin(tmp_path, confirm=8, alpha=0.05)
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", (5.0,) * 8, (5.0 + gain,) * 8)
    assert by_chance(summarize(folder)) == warning


def test_a_prompt_that_was_lucky_in_the_search_and_not_chosen_is_mentioned(tmp_path: Path) -> None:
    """A race may keep the first prompt although another one scored higher."""
    folder = begin(tmp_path, optimizer="race")
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "lucky", 0, 4.0)
    finish(folder, "first", (3.0, 3.0, 3.0), ())
    assert "what scored higher in the search is not expected to be better" in sentence(summarize(folder))
