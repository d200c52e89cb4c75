"""Summaries of a run's folder, at any moment of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.old_run import NEWER_KEYS, old_run
from tests.support.run_folder import add, begin, call, finish
from workbench.errors import NotJudged
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import summarize
from workbench.nouns import FIRST_CONFIRM_REPLICATE, FIRST_REQUALIFY_REPLICATE


def test_calls_are_counted_from_the_journal(tmp_path: Path) -> None:
    """The trial of a retried flow counts once.

    A last line that a crash cut off does not count. Failures count by kind.
    """
    folder = begin(tmp_path, rehearsal="default:0")
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "kept", 0, 4.0)
    call(folder, ("execute", "first0", "ok"), ("execute", "x", "timeout"), ("execute", "y", "interrupted"),
            ("propose", "p", "ok"), ("score", "s", "ok"))  # fmt: skip
    for name in ("trials.jsonl", "journal.jsonl"):
        with (folder.path / name).open("a") as file:
            file.write('{"action": "exec')
    summary = summarize(folder)
    assert (summary.executions, summary.cache_hits, summary.proposals, summary.verdicts) == (2, 1, 1, 1)
    assert summary.failures == {"timeout": 1, "interrupted": 1}
    assert len(summary.trials) == 2
    assert ("rehearsal", "REHEARSAL: scripted providers (world default, seed 0), no model was called") in rows(summary)


def test_an_unfinished_confirmation_is_no_result(tmp_path: Path) -> None:
    """Two of three replicates prove nothing yet."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", (3.0, 3.0, 3.0), (8.0, 8.0))
    with folder.worked_on():
        summary = summarize(folder)
    assert (summary.status, summary.comparison) == ("confirming", None)


def test_a_stopped_run_names_its_reason(tmp_path: Path) -> None:
    """The run counts as interrupted or failed until it is continued or done."""
    folder = begin(tmp_path)
    assert summarize(folder).status == "interrupted"
    with pytest.raises(NotJudged), folder.worked_on():
        raise NotJudged("no verdict", kind="judge")
    summary = summarize(folder)
    assert (summary.status, ReportRecord.of(summary).to_json()["why"]) == ("failed", "no verdict")
    assert ("why", "no verdict") in rows(summary)
    with pytest.raises(ValueError, match="secret"), folder.worked_on():
        assert summarize(folder).status == "searching"
        raise ValueError("secret")
    assert summarize(folder).stopped == "ValueError"
    with pytest.raises(KeyboardInterrupt), folder.worked_on():
        raise KeyboardInterrupt
    assert summarize(folder).status == "interrupted"
    finish(folder, "second", (3.0, 3.0, 3.0), (8.0, 8.0, 8.0))
    assert summarize(folder).status == "done"


@pytest.mark.parametrize("without", [(), NEWER_KEYS], ids=["", "without its pipeline"])
def test_a_run_from_before_formats_had_versions_is_shown(tmp_path: Path, without: tuple[str, ...]) -> None:
    """Its report equals the report of the version that made it, except for the interval and its level."""
    folder = old_run(tmp_path, without=without)
    summary = summarize(folder)
    report, then = ReportRecord.of(summary).to_json(), folder.load(ReportRecord).to_json()
    # This one tells where the folder is.
    for value in (report, then):
        assert value["best"].pop("prompt_file").endswith("best_prompt.md")
    # A copy of the folder has files with other times. They do not change how long the run took.
    assert report.pop("seconds") == pytest.approx(then.pop("seconds"), abs=0.1)
    # Reports had no sentence then, and no intervals of the two scores.
    for value in (report, then):
        del value["sentence"]
        for side in (value["baseline"], value["best"]):
            del side["low"], side["high"], side["level"], side["runs"]
    # The interval had another level then, and the test was another one.
    assert (then["difference"].pop("level"), report["difference"].pop("level")) == (0.95, 0.9)
    for value in (report, then):
        del value["difference"]["low"], value["difference"]["high"], value["difference"]["p"]
    assert report == then
    assert (summary.status, len(summary.search), len(summary.confirm)) == ("done", 4, 6)
    assert "The new prompt scores 8.20" in dict(rows(summary))["result"]
    assert report["cost"] is None
    assert dict(rows(summary))["cost"] == "not known: an older version of Workbench made this run"
    assert "rehears" in markdown(summary).lower()


def test_a_text_with_unusual_line_ends_is_shown(tmp_path: Path) -> None:
    """A model's reason may hold characters that Python takes for the end of a line."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0, "first\u2028second\x85third")
    assert summarize(folder).trials[0].reason == "first\u2028second\x85third"
    assert "first second\ufffdthird" in markdown(summarize(folder))


@pytest.mark.parametrize("first", [0, FIRST_CONFIRM_REPLICATE, FIRST_REQUALIFY_REPLICATE])
def test_fresh_scores_are_counted_from_their_first_replicate(tmp_path: Path, first: int) -> None:
    """A score counts when all replicates before it have one. A requalification has numbers of its own."""
    folder = begin(tmp_path)
    for replicate, score in ((1, 4.0), (0, 3.0), (3, 6.0)):
        add(folder, "confirm", "first", first + replicate, score)
    assert summarize(folder).confirmed("first") == {"g": [3.0, 4.0]}
