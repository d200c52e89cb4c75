"""Reports of runs, also of runs whose models wrote hostile text."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt

from tests.support.run_folder import add, begin, finish
from workbench.errors import NotJudged
from workbench.evidence.picture import picture
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.sentence import sentence
from workbench.evidence.summary import summarize
from workbench.run.race_record import RaceRecord
from workbench.run.record import LeakRecord, RunRecord

HOSTILE = (
    "</svg><script>alert(1)</script> ![x](http://evil/) [l](javascript:x) | `c` \x00\x1b[31m ~~~ \n# head\n> quote"
)


def test_a_run_that_has_just_begun_can_be_shown(tmp_path: Path) -> None:
    """The report shows no invented values."""
    folder = begin(tmp_path)
    with folder.worked_on():
        summary = summarize(folder)
    assert (summary.status, summary.best, summary.executions, summary.comparison) == ("searching", None, 0, None)
    assert "Searching: 0 trials of at most 10 executions" in markdown(summary)
    assert "not yet" in picture(summary)
    assert ReportRecord.of(summary).to_json()["best"]["score"] is None
    ElementTree.fromstring(picture(summary))


def test_the_artifact_of_a_run_that_does_not_go_on_says_so(tmp_path: Path) -> None:
    """An interrupted run says that it was interrupted, and a failed run says why."""
    folder = begin(tmp_path)
    assert "**Interrupted: 0 trials" in markdown(summarize(folder))
    assert "not reached" in picture(summarize(folder))
    with pytest.raises(NotJudged), folder.worked_on():
        raise NotJudged("the judge gave no verdict", kind="judge")
    assert "**Failed: 0 trials" in markdown(summarize(folder))
    assert "> the judge gave no verdict" in markdown(summarize(folder))


def test_every_report_of_a_rehearsal_names_its_real_part(tmp_path: Path) -> None:
    """The table, the artifact and the JSON name it, so that nobody believes that no model was called."""
    folder = begin(tmp_path, rehearsal="default:0")
    assert ReportRecord.of(summarize(folder)).real_in_rehearsal is None
    folder.save(folder.load(RunRecord).model_copy(update={"real_in_rehearsal": "the command itself"}))
    summary = summarize(folder)
    sentence = "REHEARSAL: scripted providers (world default, seed 0), but the command itself was real"
    assert ("rehearsal", sentence) in rows(summary)
    assert f"> **{sentence}**" in markdown(summary)
    assert ReportRecord.of(summary).real_in_rehearsal == "the command itself"


def test_the_noise_of_a_race_counts_in_the_intervals_of_both_scores(tmp_path: Path) -> None:
    """Artifact, picture, page and JSON show the same interval. It has the level of the gate."""
    folder = begin(tmp_path, confirm=8, alpha=0.01, optimizer="race")
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", (3.0, 3.2, 3.1, 2.9) * 2, (7.9, 8.1, 8.3, 8.0) * 2)
    plain = summarize(folder).mean_score("second")
    folder.save(RaceRecord(level=0.9, effects=(), steps=(), noise=1.5))
    summary = summarize(folder)
    mean, best = summary.mean_score("second"), ReportRecord.of(summary).best
    assert plain is not None
    assert plain.high is not None
    assert mean is not None
    assert mean.high is not None
    assert mean.level == pytest.approx(0.98)
    assert mean.high > plain.high
    assert (best.score, best.high, best.level, best.runs) == (8.075, round(mean.high, 4), 0.98, 8)
    assert f"The new prompt scores 8.07 ({mean.low:.1f} to {mean.high:.1f}, 8 fresh executions)" in sentence(summary)
    assert ReportRecord.of(summary).sentence == sentence(summary)


def test_a_models_text_is_shown_as_plain_text(tmp_path: Path) -> None:
    """No markup of the text reaches the artifact or its pictures."""
    folder = begin(tmp_path)
    folder.write("candidates/second.md", HOSTILE)
    add(folder, "search", "first", 0, 3.0, HOSTILE)
    add(folder, "search", "second", 0, 9.0, HOSTILE)
    finish(folder, "second", (3.0, 3.2, 3.1), (7.9, 8.1, 8.3))
    text = markdown(summarize(folder))
    for image in re.findall(r"!\[[^]]*]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", text):
        drawn = ElementTree.fromstring(base64.b64decode(image))
        assert not [one for one in drawn.iter() if "script" in one.tag]
    shown = MarkdownIt("commonmark", {"html": True}).render(re.sub(r"!\[[^]]*]\(data:[^)]*\)", "", text))
    for sign in ("<script", "<img", "<a ", "\x00", "\x1b"):
        assert sign not in shown
    assert shown.count("<h1>") == 1
    assert "&lt;script&gt;alert(1)" in shown


def test_a_prompt_that_copies_a_gold_plan_is_marked(tmp_path: Path) -> None:
    """It is not the best so far, and table, artifact and JSON say why it was refused."""
    folder = begin(tmp_path)
    folder.append(LeakRecord(candidate="copy", why=f"8 words in a row, {HOSTILE}"))
    add(folder, "search", "copy", 0, 9.0)
    add(folder, "search", "first", 0, 3.0)
    summary = summarize(folder)
    assert (summary.best, summary.best_so_far) == ("first", 3.0)
    assert ("refused", "1 prompt that copies a gold plan") in rows(summary)
    text = markdown(summary)
    assert "| `copy` | 9.00 | 1 | refused |" in text
    assert "- `copy`: 8 words in a row" in text
    assert "<script>" not in text
    assert ReportRecord.of(summary).to_json()["leaks"]["copy"].startswith("8 words")


def test_a_search_that_kept_the_first_prompt_quotes_one_verdict(tmp_path: Path) -> None:
    """Two verdicts on the same prompt, under two names, would look like a gain."""
    folder = begin(tmp_path)
    add(folder, "search", "first", 0, 3.0, "the first reason")
    finish(folder, "first", (3.5, 3.6, 3.7), ())
    text = markdown(summarize(folder))
    assert "**3.0** for the baseline" in text
    assert "for the best prompt" not in text


def test_a_run_that_only_measures_the_champion_speaks_of_no_search(tmp_path: Path) -> None:
    """`requalify` makes such runs. Artifact and table say what was measured, also while the run goes on."""
    nothing = "Nothing was tried."
    folder = begin(tmp_path, searches=False, optimizer="static", champion=2, if_nothing_tried=nothing, confirm=3)
    with folder.worked_on():
        assert sentence(summarize(folder)) == "Confirming: 0 trials of at most 3 executions."
    add(folder, "confirm", "first", 1_000_000, 3.5)
    with folder.worked_on():
        assert sentence(summarize(folder)) == "Confirming: 1 trial of at most 3 executions."
    finish(folder, "first", (3.5, 3.6, 3.7), ())
    summary = summarize(folder)
    text = markdown(summary)
    assert sentence(summary).startswith("This run searched for no other prompt. Champion 2 scores 3.60 (")
    assert "This run only measures the prompt in use:" in text
    assert "This run did not search." in text
    assert "beside the baseline" not in text
    assert "search score" not in dict(rows(summary))
