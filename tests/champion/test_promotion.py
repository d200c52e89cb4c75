"""Tests of promotions and rollbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.run_folder import HIGH, LOW, add, begin, ended, finish
from workbench.champion.champions import Champions
from workbench.champion.promotion import complete, promote, rollback
from workbench.errors import NotPromoted
from workbench.evidence.report import rows
from workbench.evidence.summary import summarize
from workbench.run.record import PromotedRecord


@pytest.fixture
def champions(tmp_path: Path) -> Champions:
    return Champions("study_one", tmp_path / "prompts" / "study_one", "Write the plan.")


def test_a_better_prompt_becomes_the_champion(tmp_path: Path, champions: Champions) -> None:
    """The starting prompt is the first champion, so the winner is the second. Both keep what was measured."""
    run = ended(tmp_path, commit="c" * 40, models={"judge": "gemini/gemini-4-argon"})
    promoted = promote(run, champions)
    first, second = champions.all()
    assert second == promoted
    assert (first.number, first.run, first.text, first.score) == (1, None, "Write the plan.", 3.1)
    assert (second.number, second.run, second.text) == (2, run.name, "Order the stages.")
    assert (second.score, second.baseline, second.level) == (8.1, 3.1, 0.9)
    assert second.low < 8.1 < second.high  # type: ignore[operator]  # both were measured
    assert (second.commit, second.models) == ("c" * 40, {"judge": "gemini/gemini-4-argon"})
    assert (second.scores, second.rehearsal) == ({"g": [7.9, 8.1, 8.3]}, None)
    assert second.reason.startswith("better than champion 1 beyond chance (+5.00, 90% ")
    assert run.load(PromotedRecord).number == 2
    assert dict(rows(summarize(run)))["champion"].startswith("promoted as number 2 at ")


def test_a_promotion_that_was_killed_is_completed_by_the_same_command(tmp_path: Path, champions: Champions) -> None:
    """The mark in the run's folder keeps `workbench runs prune` from removing the run of a champion."""
    run = ended(tmp_path)
    promote(run, champions)
    (run.path / PromotedRecord.FILE).unlink()
    with pytest.raises(NotPromoted, match="is champion 2 already"):
        promote(run, champions)
    assert run.load(PromotedRecord).number == 2


def test_only_the_run_that_found_the_champion_is_marked_later(tmp_path: Path, champions: Champions) -> None:
    """Champions come from other machines, whose runs can have the names of runs here. A rollback names the same run."""
    run = ended(tmp_path)
    promote(run, champions)
    mark, prompt = run.path / PromotedRecord.FILE, run.read("best_prompt.md")
    mark.unlink()
    run.write("best_prompt.md", "Another prompt.")
    complete(run.path.parent, champions)
    run.write("best_prompt.md", prompt)
    complete(run.path.parent, Champions("another study", champions.folder, "Write the plan."))
    assert not mark.exists()
    rollback(champions)
    complete(run.path.parent, champions)
    assert not mark.exists()
    rollback(champions, 2)
    complete(run.path.parent, champions)
    assert run.load(PromotedRecord).number == 2


def test_the_report_says_how_to_promote(tmp_path: Path) -> None:
    """It prints one command, unless nothing is to be promoted."""
    file = tmp_path / "my study" / "study.yaml"
    run = ended(tmp_path, study_file=str(file))
    assert dict(rows(summarize(run)))["to promote"] == f"workbench champion promote STUDY {run.name}"
    file.parent.mkdir()
    file.touch()
    command = f"workbench champion promote '{tmp_path}/my study/study.yaml' {run.name}"
    assert dict(rows(summarize(run)))["to promote"] == command
    assert "to promote" not in dict(rows(summarize(ended(tmp_path / "rehearsal", rehearsal="default:0"))))
    assert "to promote" not in dict(rows(summarize(ended(tmp_path / "equal", (3.0, 3.2, 3.2)))))


@pytest.mark.parametrize(
    ("about", "confirmed", "objection"),
    [
        ({}, (3.0, 3.3, 3.4), "not better than champion 1 beyond chance"),
        ({}, (3.4, 3.5, 3.5), "surely better than champion 1, but by less than 0.5 points"),
        ({"rehearsal": "default:0"}, HIGH, "a rehearsal found this prompt"),
        ({"baseline": "other"}, HIGH, "compared this prompt with other, which is not champion 1"),
    ],
)
def test_a_doubtful_prompt_needs_force_and_a_reason(
    tmp_path: Path, champions: Champions, about: dict[str, Any], confirmed: tuple[float, ...], objection: str
) -> None:
    """The file keeps the reason."""
    run = ended(tmp_path, confirmed, **about)
    if "baseline" in about:
        run.write("candidates/other.md", "Something else.")
        for number, score in enumerate(LOW):
            add(run, "confirm", "other", 1_000_000 + number, score)
    with pytest.raises(NotPromoted, match=objection):
        promote(run, champions)
    with pytest.raises(NotPromoted, match="--force needs a reason"):
        promote(run, champions, force=True, reason=" ")
    assert not champions.folder.exists()
    promoted = promote(run, champions, force=True, reason="the customer wants it")
    assert promoted.reason.startswith("the customer wants it (")
    assert promoted.rehearsal == about.get("rehearsal")
    assert champions.numbered(1).scores == ({} if "baseline" in about else {"g": list(LOW)})


def test_a_run_without_a_new_confirmed_prompt_is_never_promoted(tmp_path: Path, champions: Champions) -> None:
    """Force does not help: there is nothing to promote."""
    unfinished, kept = begin(tmp_path / "a"), begin(tmp_path / "b")
    finish(kept, "first", LOW, ())
    other = Champions("another", champions.folder, "x")
    for run, known, reason in (
        (unfinished, champions, "has no confirmed prompt yet: its state is interrupted"),
        (kept, champions, "kept the prompt that it started from"),
        (ended(tmp_path / "c"), other, "is a run of the study study_one; expected a run of another"),
        (ended(tmp_path / "d", text="Write the plan."), champions, "is champion 1 already"),
    ):
        with pytest.raises(NotPromoted, match=reason):
            promote(run, known, force=True, reason="why not")


def test_a_rollback_brings_back_the_earlier_prompt_under_a_new_number(tmp_path: Path, champions: Champions) -> None:
    """No file is changed or deleted. The next rollback goes one champion further back."""
    promote(ended(tmp_path / "a"), champions)
    promote(ended(tmp_path / "b", text="Third."), champions, force=True, reason="test")
    back = rollback(champions, reason="it broke the nightly build")
    assert (back.number, back.restores, back.text, back.score) == (4, 2, "Order the stages.", 8.1)
    assert back.reason == "rollback from 3 to 2: it broke the nightly build"
    assert rollback(champions).text == "Write the plan."
    with pytest.raises(
        NotPromoted, match=r"no champion is before it; to go to another .+ its number \(2, 3, 4\): noth"
    ):
        rollback(champions)
    assert rollback(champions, 3).text == "Third."
    with pytest.raises(NotPromoted, match="champion 3 has the prompt that is in use"):
        rollback(champions, 3)
    assert [champion.number for champion in champions.all()] == [1, 2, 3, 4, 5, 6]
