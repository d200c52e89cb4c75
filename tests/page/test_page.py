"""The page of a run shows what the artifact shows and more, and shows a model's words as words."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.support.old_run import old_run
from tests.support.page import CALIBRATION, whole_run
from tests.support.run_folder import begin
from workbench.champion.champions import Champions
from workbench.champion.history import Measurement
from workbench.champion.promotion import rollback
from workbench.errors import NotJudged
from workbench.evidence import diff_picture, svg
from workbench.page import render
from workbench.page.content import Content
from workbench.page.pictures import history_picture
from workbench.run.calibration import PICTURE
from workbench.run.record import PromotedRecord

HOSTILE = (
    "</pre></style></svg><script>alert(1)</script><img src=http://evil/ onerror=alert(2)> {{ 7654321 * 7 }} "
    "&amp; \"' \x00\x1b[31m \N{RIGHT-TO-LEFT OVERRIDE} javascript:alert(3)"
)


class Elements(HTMLParser):
    """The elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_models_words_are_shown_as_words(tmp_path: Path) -> None:
    """No element, no attribute and no address comes from a model's words."""
    run = whole_run(tmp_path / "home", HOSTILE)
    page = render.html(Content.of(tmp_path / "home", run))
    elements = Elements(page)
    names = {name for name, _ in elements.tags}
    assert not names & {"script", "img", "iframe", "object", "link", "base", "form"}
    attributes = [(name, value) for _, attrs in elements.tags for name, value in attrs.items()]
    assert not [name for name, _ in attributes if name.startswith("on")]
    assert not [value for name, value in attributes if name in ("src", "href", "xlink:href")]
    # Had a template obeyed the words, it would have computed this number.
    assert "53580247" not in elements.text
    assert elements.text.count("{{ 7654321 * 7 }}") > 5
    assert elements.text.count("<script>alert(1)</script>") > 5
    for sign in ("\x00", "\x1b", "\N{RIGHT-TO-LEFT OVERRIDE}"):
        assert sign not in re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_the_page_has_everything_that_the_artifact_shows(tmp_path: Path) -> None:
    """It also has all trials, the texts of all candidates, and the champion at every commit."""
    run = whole_run(tmp_path / "home", "a model's words")
    content = Content.of(tmp_path / "home", run)
    text = " ".join(Elements(render.html(content)).text.split())
    for words in (
        "The new prompt scores 8.10",
        "workbench champion promote STUDY",
        "Score over executions",
        "The champion over time and commits",
        "baseline: first", "best: second", "Order the stages by risk.",
        "What each sentence is worth",
        "after 5 trials, second, expected score 8.0 (7.0 to 9.0)",
        "8.3 for the best prompt, on the goal g",
        "copy: a model's words",
        "not counted: a model's words (1 call)",
        "All 11 trials with the judge's reasons",
        "confirm 2",
        "$0.50",
        "requalification: worse",
        "✓ yes ½ partly ✗ no ? no, because the quoted words are not in the plan",
        "confirm 1: yes “a model's words”",
        "confirm 1: no, because the quoted words are not in the plan “a model's words”",
        "The judge gemini/j can be trusted here",
        "Calibrated at 1970-01-10",
        f"calibrated/{CALIBRATION}/{PICTURE}",
        "dropped (τ 1.00)",
    ):  # fmt: skip
        assert words in text, words
    measured = [(one.occasion, one.champion, (one.commit or "")[:1], one.decision) for one in content.history]
    assert measured == [
        ("promotion", 2, "a", None),
        ("requalification", 2, "b", "as good"),
        ("requalification", 2, "c", "worse"),
        ("search", 2, "9", None),
    ]


def test_a_champion_that_was_rolled_back_is_not_shown_as_the_one_in_use(tmp_path: Path) -> None:
    """A rollback measures nothing, so the picture of the measurements does not have it."""
    run = whole_run(tmp_path / "home", "a model's words")
    folder = Champions("study_one", tmp_path / "study" / "prompts" / "study_one", "")
    run.save(PromotedRecord(number=2, file=folder.file(2), date="1970-01-02T00:00:00Z"))
    text = Elements(render.html(Content.of(tmp_path / "home", run))).text
    assert "was promoted as champion 2 at 1970-01-02T00:00:00Z.\n" in text
    assert "Champion 2 is in use." in text
    rollback(folder, reason="too slow")
    text = Elements(render.html(Content.of(tmp_path / "home", run))).text
    assert "was promoted as champion 2 at 1970-01-02T00:00:00Z. Now champion 3 is in use.\n" in text
    assert "Champion 3 is in use (rollback from 2 to 1: too slow)." in text


def test_the_json_has_the_data_of_the_page(tmp_path: Path) -> None:
    """Scripts read the same prompts, scores and history."""
    run = whole_run(tmp_path / "home", HOSTILE)
    value = json.loads(json.dumps(Content.of(tmp_path / "home", run).to_json()))
    assert value["report"]["best"]["score"] == 8.1
    assert value["sentence"].startswith("The new prompt scores 8.10")
    assert value["best"]["confirmed"] == [7.9, 8.1, 8.3]
    assert value["prompts"]["copy"] == HOSTILE
    assert len(value["trials"]) == 11
    assert [row["what"] for row in value["spend"]][-1] == "all"
    assert [one["score"] for one in value["history"]] == pytest.approx([6.5, 6.5, 3.1, 3.1])
    assert value["race"]["effects"][0]["points"] == 2.0
    order, other = value["report"]["criteria"]
    assert [answer["answer"] for answer in order["answers"]] == ["yes"] * 3
    assert other["answers"][2] == {"replicate": 1_000_002, "answer": "no", "evidence": HOSTILE, "unproved": True}
    assert value["report"]["judge"].startswith("The judge gemini/j can be trusted here")
    calibration = value["report"]["calibration"]
    assert (calibration["calibrated"], calibration["good_enough"], calibration["command"]) == (True, True, None)
    assert Path(calibration["picture"]).name == PICTURE


def test_a_run_without_a_result_has_a_page(tmp_path: Path) -> None:
    """The page says why the run ended, and invents no score."""
    folder = begin(tmp_path)
    with pytest.raises(NotJudged), folder.worked_on():
        raise NotJudged("the judge gave no verdict", kind="judge")
    text = Elements(render.html(Content.of(tmp_path, folder))).text
    assert "the judge gave no verdict" in text
    assert "No other prompt has been tried on every goal yet" in text
    assert "Nothing yet." in text


def test_a_judge_that_was_never_calibrated_is_named_with_command_and_price(tmp_path: Path) -> None:
    """There is no picture. A judge without a rubric has no criteria."""
    page = render.html(Content.of(tmp_path, begin(tmp_path, calibration=CALIBRATION, calibration_dollars=0.25)))
    text = Elements(page).text
    assert "To measure whether it can be trusted, run workbench calibrate STUDY; that costs about $0.25." in text
    assert "The criteria" not in text
    assert "degree of damage" not in page


def test_a_run_of_an_old_version_has_a_page(tmp_path: Path) -> None:
    """The run is a rehearsal, and its page says so."""
    page = render.html(Content.of(tmp_path, old_run(tmp_path)))
    assert "REHEARSAL: scripted providers" in page
    assert "not known: an older version of Workbench made this run" in page


STYLE = Path(render.__file__).with_name("page.css").read_text()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_text_has_enough_contrast(dark: bool) -> None:
    """4.5 to 1 is what WCAG 2 asks of text."""
    light, dark_part = STYLE.split("@media (prefers-color-scheme: dark)", 1)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", dark_part if dark else light))
    grounds = {"surface", "page"}
    for text in ("ink", "faint", "blue", "grey", "green", "red", "amber", "purple"):
        for ground in grounds:
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for ground in ("removed", "added", "removed-word", "added-word", "notice"):
        assert contrast(colours["ink"], colours[ground]) >= 4.5, ground


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours as WCAG 2 defines it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_colour_of_the_drawings_has_a_dark_variant(tmp_path: Path) -> None:
    """A colour without one would be hard to see on a dark page."""
    run = whole_run(tmp_path / "home", "words")
    page = render.html(Content.of(tmp_path / "home", run))
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    used = set(re.findall(r'(?:fill|stroke)="(#[0-9a-f]+)"', drawings))
    assert used >= {"#ffffff", svg.INK, svg.BLUE, svg.GRID}
    assert used <= set(render.COLOURS)
    assert {diff_picture.REMOVED, diff_picture.ADDED} <= set(render.COLOURS)
    assert {f"--{name}" for name in render.COLOURS.values()} <= set(re.findall(r"--[a-z-]+", STYLE))


def test_a_measurement_without_a_commit_has_a_whole_label() -> None:
    """A study need not be in a git repository."""
    measured = Measurement(1.0, "promotion", 2, None, 8.0, 7.0, 9.0, 0.9, None, "run")
    drawn = [history_picture([one], 8.0) for one in (measured, replace(measured, commit="c0ffee1234"))]
    assert ">8.00<" in drawn[0]
    assert [re.findall(r">(–|c0ffee\d*|no com\w*)<", picture) for picture in drawn] == [["–"], ["c0ffee1"]]
