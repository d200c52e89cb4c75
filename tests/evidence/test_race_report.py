"""A run's report says what each sentence is worth, and how the best prompt came about."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from tests.evidence.test_report import HOSTILE
from tests.support.run_folder import add, begin, ended
from workbench.evidence.picture import picture
from workbench.evidence.race_report import SENTENCES, effects_picture, prominent, steps_list
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.run.race_record import EffectRecord, EstimateRecord, RaceRecord, StepRecord


def effect(points: float, text: str = "Name the owner.", *, in_best: bool = True, half: float = 0.2) -> EffectRecord:
    return EffectRecord(
        text=text, points=points, low=points - half, high=points + half, executions=7, in_first=False, in_best=in_best
    )


def step(trials: int, *added: str, removed: tuple[str, ...] = ()) -> StepRecord:
    best, first = EstimateRecord(score=6, low=5, high=7), EstimateRecord(score=3, low=2, high=4)
    return StepRecord(trials=trials, candidate="second", added=added, removed=removed, best=best, first=first)


def race(*effects: EffectRecord, steps: tuple[StepRecord, ...] = ()) -> RaceRecord:
    return RaceRecord(level=0.9, effects=effects, steps=steps)


def words(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_the_report_of_a_race_shows_its_sentences(tmp_path: Path) -> None:
    """Artifact, terminal and JSON tell the same effects. The picture of the run shows what the race expected."""
    folder = ended(tmp_path, optimizer="race")
    folder.save(race(effect(0.8), effect(-0.5, "Be brief.", in_best=False), steps=(step(1, "Name the owner."),)))
    summary = summarize(folder)
    artifact = markdown(summary)
    assert "## What each sentence is worth" in artifact
    assert "- after 1 trial, `second`, expected score 6.0 (5.0 to 7.0): added “Name the owner\\.”" in artifact
    assert dict(rows(summary))["race"] == (
        "after 1 trial and 1 change, its best prompt is expected to score 6.0 (90% 5.0 to 7.0); "
        "after 1 trial, it was expected to score 6.0 (5.0 to 7.0)"
    )
    assert ("helps", "+0.8 (+0.6 to +1.0): Name the owner.") in rows(summary)
    assert ("harms", "-0.5 (-0.7 to -0.3): Be brief.") in rows(summary)
    report = ReportRecord.of(summary).to_json()
    assert [one["points"] for one in report["race"]["effects"]] == [0.8, -0.5]
    assert any("expected of the baseline" in text for text in words(picture(summary)))


def test_the_picture_shows_helpful_and_harmful_sentences() -> None:
    """A long prompt does not hide the sentences that were left out."""
    kept = [effect(0.1 + number / 10, f"Sentence {number}.") for number in range(30)]
    left_out = [effect(-number / 10, f"Left out {number}.", in_best=False) for number in range(30)]
    known = race(*kept, *left_out)
    shown = prominent(known.effects)
    assert len(shown) == SENTENCES
    assert [one.points for one in shown] == sorted((one.points for one in shown), reverse=True)
    assert {"Sentence 29.", "Left out 29."} <= {one.text for one in shown}
    assert any(text.startswith("Left out 29.") for text in words(effects_picture(known)))


def test_a_sentence_without_an_effect_has_no_sign_of_harm() -> None:
    """It is worth +0.0, and not -0.0."""
    shown = words(effects_picture(race(effect(-0.04))))
    assert "+0.0" in shown and "-0.0" not in shown


def test_sentences_of_a_model_are_shown_as_text(tmp_path: Path) -> None:
    """Neither picture nor list nor table obeys what a model wrote."""
    folder = ended(tmp_path, optimizer="race")
    folder.save(race(effect(0.8, HOSTILE), steps=(step(1, HOSTILE, removed=(HOSTILE,)),)))
    summary = summarize(folder)
    assert summary.race is not None
    ElementTree.fromstring(effects_picture(summary.race))
    assert "<script>" not in markdown(summary)
    assert "](http" not in markdown(summary)
    assert all("\x1b" not in value for _, value in rows(summary))


def test_a_step_with_many_changes_is_told_by_their_number() -> None:
    many = step(9, "a", "b", "c", removed=("d",))
    assert steps_list(race(steps=(many,))).endswith(": 3 sentences added, 1 removed")
    twenty = tuple(step(number, "a") for number in range(20))
    assert steps_list(race(steps=twenty)).startswith("- 8 earlier changes not listed here\n- after 8 trials")


def test_a_race_that_has_learnt_nothing_yet_is_shown(tmp_path: Path) -> None:
    folder = begin(tmp_path, optimizer="race")
    folder.save(race())
    assert "What each sentence" not in markdown(summarize(folder))
    ElementTree.fromstring(effects_picture(race()))
    add(folder, "search", "first", 0, 3.0)
    folder.save(race(steps=(StepRecord(trials=1, candidate="first"),)))
    ElementTree.fromstring(picture(summarize(folder)))
