"""The report says how well the plans of both prompts meet each criterion."""

from __future__ import annotations

from pathlib import Path

from tests.support.run_folder import add, begin, finish
from workbench.evidence.criteria import CriterionMet, criteria_met, weakest
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
        CriterionResult(name, "no" if answer == "invented" else answer, "words", answer == "invented")  # type: ignore[arg-type]
        for name, answer in zip(names, answers, strict=True)
    )
    verdict = Verdict(5.0, "fine", criteria=results)
    folder.add_trial(phase, Trial(candidate, "g", replicate, f"{phase}{candidate}{replicate}", verdict))


def test_confirming_trials_count_as_soon_as_there_are_any(tmp_path: Path) -> None:
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


def test_a_run_without_a_rubric_shows_no_criteria(tmp_path: Path) -> None:
    """Trials of older versions have none, and load."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    old = (folder.path / TrialRecord.FILE).read_text().replace(', "criteria": []', "")
    (folder.path / TrialRecord.FILE).write_text(old)
    summary = summarize(folder)
    assert (criteria_met(summary), weakest(summary)) == ([], None)
    assert "The criteria" not in markdown(summary)
