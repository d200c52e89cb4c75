"""The report says how well the plans of both prompts meet each criterion."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from tests.support.run_folder import add, begin, finish
from workbench.evidence.criteria import CriterionAnswers, CriterionMet, PlanAnswer, best_answers, criteria_met, weakest
from workbench.evidence.criteria_picture import PLANS, criteria_picture
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.nouns import Trial, Verdict
from workbench.run.folder import RunFolder
from workbench.run.record import Phase, TrialRecord
from workbench.scoring import CriterionResult


def judged(folder: RunFolder, phase: Phase, candidate: str, replicate: int, *answers: str) -> None:
    """Add a trial with answers to the criteria `order` and `a | rollback`. An "invented" answer has no proof."""
    names = ("order", "a | rollback")
    results = tuple(
        CriterionResult(name, "no" if answer == "invented" else answer, "words", answer == "invented")  # type: ignore[arg-type]  # an answer
        for name, answer in zip(names, answers, strict=True)
    )
    verdict = Verdict(5.0, "fine", criteria=results)
    folder.add_trial(phase, Trial(candidate, "g", replicate, f"{phase}{candidate}{replicate}", verdict))


def test_the_shares_count_only_confirming_trials_as_soon_as_there_are_any(tmp_path: Path) -> None:
    """Artifact, table and JSON have the shares. What a model wrote is text in the artifact."""
    folder = begin(tmp_path)
    judged(folder, "search", "first", 0, "no", "no")
    judged(folder, "search", "second", 0, "yes", "no")
    finish(folder, "second", (), ())
    assert criteria_met(summarize(folder))[0] == CriterionMet("g", "order", 0.0, 1.0, 0)
    for number in range(2):
        judged(folder, "confirm", "first", 1_000_000 + number, "no", "partly")
        judged(folder, "confirm", "second", 1_000_000 + number, "partly", "invented" if number else "yes")
    summary = summarize(folder)
    met = [CriterionMet("g", "order", 0.0, 0.5, 0), CriterionMet("g", "a | rollback", 0.5, 0.5, 1)]
    assert criteria_met(summary) == met
    assert weakest(summary) == "a | rollback 50%, order 50%"
    assert ("least met", "a | rollback 50%, order 50%") in rows(summary)
    assert "| g | a \\| rollback | 50% | 50% | 1 |" in markdown(summary)
    assert [criterion.name for criterion in ReportRecord.of(summary).criteria] == ["order", "a | rollback"]


def test_the_answers_for_the_best_prompt_are_shown_with_their_evidence(tmp_path: Path) -> None:
    """The picture has a sign for each answer. Evidence is text in the picture, and in the artifact."""
    folder = begin(tmp_path)
    finish(folder, "second", (), ())
    judged(folder, "confirm", "first", 1_000_000, "no", "no")
    for number, answers in enumerate((("partly", "yes"), ("yes", "invented"))):
        judged(folder, "confirm", "second", 1_000_000 + number, *answers)
    summary = summarize(folder)
    order, rollback = best_answers(summary)
    assert [answer.answer for answer in order.answers] == ["partly", "yes"]
    assert rollback.answers[1] == PlanAnswer(1_000_001, "no", "words", unproved=True)
    drawn = ET.fromstring(criteria_picture([order, rollback]))
    texts = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:] == ["order", "½", "✓", "a | rollback", "✓", "?"]
    titles = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[0] == "confirm 0: partly: “words”"
    assert titles[3] == "confirm 1: no (not in the plan): “words”"
    assert "| partly: “words” |" in markdown(summary)
    assert "![The answers for the best prompt's plans](data:image/svg+xml" in markdown(summary)


def test_the_picture_of_several_goals_names_them(tmp_path: Path) -> None:
    """Only the newest plans are drawn."""
    answers = tuple(PlanAnswer(number, "yes", "", unproved=False) for number in range(PLANS + 3))
    picture = criteria_picture([CriterionAnswers(goal, "order", answers) for goal in ("one <goal>", "two")])
    texts = [element.text for element in ET.fromstring(picture).iter("{http://www.w3.org/2000/svg}text")]
    assert texts[1:] == ["one <goal>", "order", *("✓" * PLANS), "two", "order", *("✓" * PLANS)]


def test_a_run_without_a_rubric_shows_no_criteria(tmp_path: Path) -> None:
    """Trials of older versions have none, and load."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    old = (folder.path / TrialRecord.FILE).read_text().replace(', "criteria": []', "")
    (folder.path / TrialRecord.FILE).write_text(old)
    summary = summarize(folder)
    assert (criteria_met(summary), weakest(summary)) == ([], None)
    assert "The criteria" not in markdown(summary)
