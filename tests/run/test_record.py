"""The files of a run's folder: their types, their versions, and messages about damaged files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.support.old_run import NEWER_KEYS, old_run
from tests.support.run_folder import record
from workbench.errors import RunNotFound, RunTooNew
from workbench.evidence.report_record import ReportRecord
from workbench.nouns import Target
from workbench.run.file_format import Record, parse
from workbench.run.journal import CallRecord
from workbench.run.record import FailureRecord, RunRecord, SearchResult, TrialRecord

RECORDS: list[Record] = [
    record(),
    record(target={"step": "draft", "output": "polish", "part": 2}, runtime="pipeline_ex", rehearsal="default:0"),
    SearchResult(best="second", search_score=9.5, baseline_search_score=3, spent=2, ended="budget"),
    TrialRecord(
        phase="search", candidate="first", goal="g", replicate=0, execution="", score=10, reason="ü\u2028\x85", at=1.5
    ),
    CallRecord(action="execute", key="k", kind="rate limit", seconds=0.25, at=1.5),
    FailureRecord(why="no verdict"),
]


def names(records: list[Record]) -> list[str]:
    return [type(example).__name__ for example in records]


@pytest.mark.parametrize("example", RECORDS, ids=names(RECORDS))
def test_a_written_record_can_be_read(example: Record) -> None:
    """The version of the format comes first."""
    text = json.dumps(example.to_json())
    assert text.startswith('{"schema": 1, ')
    assert parse(type(example), text, "file") == example


@pytest.mark.parametrize("example", RECORDS, ids=names(RECORDS))
def test_a_file_of_a_newer_format_is_refused(example: Record) -> None:
    """The message names the version, the expected version and the remedy, even if the keys would fit."""
    text = json.dumps({**example.to_json(), "schema": 2})
    with pytest.raises(RunTooNew, match=r"^some/file has schema 2; expected at most 1: .* upgrade"):
        parse(type(example), text, "some/file")


def test_the_users_own_files_are_known_after_the_worktree_is_gone(tmp_path: Path) -> None:
    """A run that measured a commit names files in a worktree. Another run names the user's own files at once."""
    repository, worktree = tmp_path / "repository", tmp_path / "worktrees" / "id"
    champions = str(repository / "studies" / "prompts" / "small")
    for folder in (worktree, repository):
        measured = record(
            study_file=str(folder / "studies" / "study.yaml"),
            pipeline=str(folder / "pipelines" / "genesis.yaml"),
            champions=champions,
        )
        assert measured.own_study_file == repository / "studies" / "study.yaml"
        assert measured.own_pipeline == repository / "pipelines" / "genesis.yaml"
    outside = tmp_path / "shipped.yaml"
    outside.touch()
    shipped = record(study_file=str(worktree / "study.yaml"), pipeline=str(outside), champions=champions)
    assert shipped.own_pipeline == outside


def test_a_newer_format_is_reported_before_its_keys() -> None:
    """All keys of a newer format may differ."""
    with pytest.raises(RunTooNew, match="has schema 7"):
        parse(RunRecord, '{"schema": 7}', "run.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"f is no JSON \(.*\): run the study again"),
        ("", "f is no JSON"),
        ("[]", r"f does not fit its format \(.*, got \[\]\): run the study again"),
        ("null", "f does not fit its format"),
        ("{}", r"\(why: Field required\)"),
        ('{"why": 5}', r"\(why: Input should be a valid string, got 5\)"),
        ('{"schema": "x", "why": 5}', r"\(why: "),
    ],
)
def test_a_damaged_file_is_reported(text: str, words: str) -> None:
    """The message names the key, the expectation and the value."""
    with pytest.raises(RunNotFound, match=words):
        parse(FailureRecord, text, "f")


@given(st.text())
def test_any_text_is_a_record_or_an_error_of_ours(text: str) -> None:
    """No other exception is raised."""
    with pytest.raises(RunNotFound):
        parse(FailureRecord, text, "f")


def test_keys_that_are_not_known_are_ignored() -> None:
    """So a new key with a default needs no new version."""
    text = json.dumps({**FailureRecord(why="x").to_json(), "more": 1})
    assert parse(FailureRecord, text, "f") == FailureRecord(why="x")


@pytest.mark.parametrize(
    "change", [{"budget": "10"}, {"goals": []}, {"program": "other"}, {"target": {"step": 1}}, {"passing": None}]
)
def test_values_are_strict(change: dict[str, object]) -> None:
    """A text that looks like a number is not accepted as a number."""
    with pytest.raises(ValidationError):
        record(**change)


@pytest.mark.parametrize("score", [-0.1, 10.1, float("nan"), float("inf")])
def test_a_score_is_from_zero_to_ten(score: float) -> None:
    with pytest.raises(ValidationError):
        SearchResult(best="b", search_score=score, baseline_search_score=0.0, spent=1, ended="budget")


@pytest.mark.parametrize("number", [10**30, -(10**30), float("nan"), float("inf")], ids=str)
def test_a_number_that_is_not_finite_is_damage(number: float) -> None:
    """Neither the ledger nor a page could show it. This holds for every record, unknown keys included."""
    for example in RECORDS:
        with pytest.raises(RunNotFound, match="f is no JSON"):
            parse(type(example), json.dumps({**example.to_json(), "more": number}), "f")


@pytest.mark.parametrize(
    ("example", "key", "value"),
    [
        (record(), "started", 1e308),
        (record(), "started", -1.0),
        (record(), "confirm", 0),
        (record(), "confirm", 10**9),
        (record(), "alpha", 1e308),
        (record(), "passing", 1e999),
        (RECORDS[3], "replicate", -1),
        (RECORDS[3], "at", 1e18),
        (RECORDS[4], "at", 1e18),
    ],
)
def test_a_number_out_of_its_range_is_damage(example: Record, key: str, value: float) -> None:
    """There is no such date, no such replicate and no such test of a gain."""
    with pytest.raises(RunNotFound, match=f"f is no JSON|{key}: "):
        parse(type(example), json.dumps({**example.to_json(), key: value}), "f")


def test_a_record_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        record().budget = 11


def test_a_record_has_the_types_of_the_study() -> None:
    """Paths are paths, and the target is the study's own type."""
    run = record(target={"step": "draft", "output": "polish", "part": 2})
    assert (run.pipeline, run.target) == (Path("pipeline.yaml"), Target("draft", "polish", 2))
    assert [(goal.name, goal.text) for goal in run.goals] == [("g", "goal")]


def test_files_from_before_formats_had_versions_are_read(tmp_path: Path) -> None:
    """All files are read, with all their keys."""
    folder = old_run(tmp_path)
    for kind in (RunRecord, SearchResult, ReportRecord):
        before = json.loads(folder.read(kind.FILE))
        if "difference" in before:
            # Its interval had no level in the file: it was 95 %.
            before["difference"] |= {"level": 0.95, "more": None}
            for side in (before["baseline"], before["best"]):
                side |= {"low": None, "high": None, "level": None, "runs": 0}
        assert {"schema": 1, **before} == {key: folder.load(kind).to_json()[key] for key in ("schema", *before)}
    for lines in (TrialRecord, CallRecord):
        old_lines = [json.loads(line) for line in folder.read(lines.FILE).split("\n")[:-1]]
        records = [example.to_json() for example in folder.lines(lines)]
        assert [{"schema": 1, **line} for line in old_lines] == [
            {key: record[key] for key in ("schema", *line)} for record, line in zip(records, old_lines, strict=True)
        ]
        assert len(old_lines) >= 10


def test_a_run_that_did_not_keep_its_pipeline_is_read(tmp_path: Path) -> None:
    """Runs of the first versions did not keep it."""
    run = old_run(tmp_path, without=NEWER_KEYS).load(RunRecord)
    assert (run.pipeline, run.runtime, run.target, run.study) == (None, None, None, "small")
