"""What a run's folder is read as, and how it is shown: also when models wrote what they liked."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from workbench.errors import NotJudged, RunNotFound
from workbench.evidence.diff import diff
from workbench.evidence.picture import picture
from workbench.evidence.report import markdown, rows, sentence
from workbench.evidence.summary import summarize, to_json
from workbench.nouns import Trial, Verdict
from workbench.run.folder import RunFolder

HOSTILE = (
    "</svg><script>alert(1)</script> ![x](http://evil/) [l](javascript:x) | `c` \x00\x1b[31m ~~~ \n# head\n> quote"
)


def run(home: Path, *, rehearsal: str | None = None, budget: int = 10) -> RunFolder:
    """A folder as a run begins it."""
    folder = RunFolder.create(home, "20260101-000000-abcdef")
    folder.write_json(
        "run.json",
        {
            "study": "study_one", "run_id": folder.name, "optimizer": "gepa", "budget": budget, "confirm": 3,
            "passing": 8.0, "goals": [{"name": "g", "text": "goal"}], "rehearsal": rehearsal, "baseline": "first",
            "flow_run_url": None, "started": 0.0,
        },
    )  # fmt: skip
    folder.write("candidates/first.md", "Write the plan.")
    return folder


def add(folder: RunFolder, phase: str, candidate: str, replicate: int, score: float, reason: str = "fine") -> None:
    folder.add_trial(phase, Trial(candidate, "g", replicate, f"{candidate}{replicate}", Verdict(score, reason)))


def journal(folder: RunFolder, *lines: tuple[str, str, str]) -> None:
    with (folder.path / "journal.jsonl").open("a") as file:
        for action, key, kind in lines:
            file.write(json.dumps({"action": action, "key": key, "kind": kind, "seconds": 1.0, "at": 1.0}) + "\n")


def finish(folder: RunFolder, best: str, baseline: tuple[float, ...], found: tuple[float, ...]) -> None:
    folder.write_json("found.json", {"best": best, "search_score": 9.5, "baseline_search_score": 3.0, "spent": 2,
                                     "ended": "optimizer"})  # fmt: skip
    for number, score in enumerate(baseline):
        add(folder, "confirm", "first", 1_000_000 + number, score)
    for number, score in enumerate(found):
        add(folder, "confirm", best, 1_000_000 + number, score)


def test_a_run_that_has_just_begun_can_be_shown(tmp_path: Path) -> None:
    """Nothing is there yet, and nothing is made up."""
    folder = run(tmp_path)
    with folder.worked_on():
        summary = summarize(folder)
    assert (summary.status, summary.best, summary.executions, summary.comparison) == ("searching", None, 0, None)
    assert "Searching: 0 trials of at most 10 executions" in markdown(summary)
    assert to_json(summary)["best"]["score"] is None
    ElementTree.fromstring(picture(summary))


def test_the_scores_that_are_reported_are_the_confirmed_ones(tmp_path: Path) -> None:
    """The search's own stands beside them."""
    folder = run(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "second", 0, 9.5)
    finish(folder, "second", (3.0, 3.2, 3.1), (7.9, 8.1, 8.3))
    report = to_json(summarize(folder))
    assert report["baseline"]["score"] == 3.1
    assert report["best"] == {
        "score": 8.1, "search_score": 9.5, "candidate": "second",
        "prompt_file": str(folder.path / "best_prompt.md"),
    }  # fmt: skip
    assert (report["better"], report["passed"], report["status"]) == (True, True, "done")
    assert sentence(summarize(folder)).startswith("8.10 instead of 3.10")


def test_a_lucky_score_is_not_believed(tmp_path: Path) -> None:
    """9.5 in the search, no better than the first on fresh trials."""
    folder = run(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "second", 0, 9.5)
    finish(folder, "second", (5.0, 6.0, 4.0), (5.5, 6.5, 4.5))
    summary = summarize(folder)
    assert to_json(summary)["better"] is False
    assert sentence(summary).startswith("No better prompt found")


def test_calls_are_counted_from_what_was_written_down(tmp_path: Path) -> None:
    """A retried flow's trial counts once; a last line cut off by a crash not at all; failures by kind."""
    folder = run(tmp_path, rehearsal="default:0")
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "first", 0, 3.0)
    add(folder, "search", "kept", 0, 4.0)
    journal(folder, ("execute", "first0", "ok"), ("execute", "x", "timeout"), ("execute", "y", "interrupted"),
            ("propose", "p", "ok"), ("score", "s", "ok"))  # fmt: skip
    for name in ("trials.jsonl", "journal.jsonl"):
        with (folder.path / name).open("a") as file:
            file.write('{"action": "exec')
    summary = summarize(folder)
    assert (summary.executions, summary.cache_hits, summary.proposals, summary.verdicts) == (2, 1, 1, 1)
    assert summary.failures == {"timeout": 1, "interrupted": 1}
    assert len(summary.trials) == 2
    assert ("rehearsal", "REHEARSAL: scripted providers (world default, seed 0), no model was called") in rows(summary)


def test_what_was_real_in_a_rehearsal_is_told_wherever_the_rehearsal_is(tmp_path: Path) -> None:
    """In the table, the artifact and the JSON: nobody is told that no model was called."""
    folder = run(tmp_path, rehearsal="default:0")
    assert to_json(summarize(folder))["real_in_rehearsal"] is None
    folder.write_json("run.json", {**folder.read_json("run.json"), "real_in_rehearsal": "the command itself"})
    summary = summarize(folder)
    sentence = "REHEARSAL: scripted providers (world default, seed 0), but the command itself was real"
    assert ("rehearsal", sentence) in rows(summary)
    assert f"> **{sentence}**" in markdown(summary)
    assert to_json(summary)["real_in_rehearsal"] == "the command itself"


def test_an_unfinished_confirmation_is_no_result(tmp_path: Path) -> None:
    """Two of three replicates tell nothing yet."""
    folder = run(tmp_path)
    add(folder, "search", "first", 0, 3.0)
    finish(folder, "second", (3.0, 3.0, 3.0), (8.0, 8.0))
    with folder.worked_on():
        summary = summarize(folder)
    assert (summary.status, summary.comparison) == ("confirming", None)


def test_a_run_that_nobody_works_on_any_more_says_so(tmp_path: Path) -> None:
    """Interrupted, or failed and why; until it is taken up again, or done."""
    folder = run(tmp_path)
    assert summarize(folder).status == "interrupted"
    with pytest.raises(NotJudged), folder.worked_on():
        raise NotJudged("no verdict", kind="judge")
    summary = summarize(folder)
    assert (summary.status, to_json(summary)["why"]) == ("failed", "no verdict")
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


def test_what_a_model_wrote_is_text_and_nothing_else(tmp_path: Path) -> None:
    """No markup of its own reaches the artifact or its pictures."""
    folder = run(tmp_path)
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


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_two_texts_have_a_picture_that_is_xml(first: str, best: str) -> None:
    """Whatever characters a model writes."""
    ElementTree.fromstring(diff(first, best, left="first", right="best"))


@pytest.mark.parametrize(
    ("name", "words"), [("2026", None), ("latest", None), ("nothing", "is no run"), ("", "several")]
)
def test_runs_are_found_by_the_beginning_of_their_names(tmp_path: Path, name: str, words: str | None) -> None:
    """Or refused with the names that are known."""
    RunFolder.create(tmp_path, "20260101-a")
    RunFolder.create(tmp_path, "19990101-b")
    if words is None:
        assert RunFolder.find(tmp_path, name).name == "20260101-a"
    else:
        with pytest.raises(RunNotFound, match=words):
            RunFolder.find(tmp_path, name)
