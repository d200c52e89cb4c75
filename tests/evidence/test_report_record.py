"""The report as JSON."""

from __future__ import annotations

from pathlib import Path

from tests.support.run_folder import add, begin, finish
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.sentence import sentence
from workbench.evidence.summary import summarize


def test_the_reported_scores_are_the_confirmed_scores(tmp_path: Path) -> None:
    """The search's own scores stand beside them."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "second", 0, 9.5)
    finish(folder, "second", (3.0, 3.2, 3.1), (7.9, 8.1, 8.3))
    report = ReportRecord.of(summarize(folder)).to_json()
    assert report["baseline"]["score"] == 3.1
    assert report["best"] == {
        "score": 8.1, "low": 7.6785, "high": 8.5215, "level": 0.9, "runs": 3, "search_score": 9.5,
        "candidate": "second", "prompt_file": str(folder.path / "best_prompt.md"),
    }  # fmt: skip
    assert (report["better"], report["passed"], report["status"]) == (True, True, "done")
    assert sentence(summarize(folder)).startswith(
        "The new prompt scores 8.10 (7.7 to 8.5, 3 fresh executions), the old one 3.10 ("
    )


def test_a_lucky_score_is_not_believed(tmp_path: Path) -> None:
    """A prompt with 9.5 in the search is no better than the first prompt on fresh trials."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "second", 0, 9.5)
    finish(folder, "second", (5.0, 6.0, 4.0), (5.5, 6.5, 4.5))
    summary = summarize(folder)
    assert ReportRecord.of(summary).to_json()["better"] is False
    assert "No better prompt found: not sure yet" in sentence(summary)
