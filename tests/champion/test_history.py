"""The scores of the prompt in use over time: what belongs to a study, and what does not."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from tests.support.run_folder import begin, ended
from workbench.champion.history import history
from workbench.champion.qualification import QualificationRecord, Qualifications
from workbench.evidence.sentence import sentence
from workbench.evidence.statistics import mean_score
from workbench.evidence.summary import summarize
from workbench.run.race_record import RaceRecord
from workbench.run.record import RunRecord


def test_only_runs_of_the_same_study_with_the_same_models_count(tmp_path: Path) -> None:
    """Scripted models are not compared with real ones. Two studies of one name have folders of their own."""
    folder = str(tmp_path / "prompts" / "study_one")
    first = ended(tmp_path, name="first", started=1.0, champions=folder, commit="a")
    ended(tmp_path, name="second", started=2.0, champions=folder, commit="b", champion=2)
    ended(tmp_path, name="rehearsed", champions=folder, rehearsal="default:0")
    ended(tmp_path, name="elsewhere", champions=str(tmp_path / "other" / "study_one"))
    ended(tmp_path, name="another", champions=folder, study="another")
    begin(tmp_path, name="unfinished", champions=folder)
    measured = history(tmp_path, first.load(RunRecord))
    assert [(one.run, one.commit, one.champion, one.occasion) for one in measured] == [
        ("first", "a", None, "search"),
        ("second", "b", 2, "search"),
    ]
    assert measured[0].level == 0.9


def test_a_search_has_the_interval_of_its_own_report(tmp_path: Path) -> None:
    """It has the level of the decision, and the noise that the race has estimated counts in it."""
    folder = str(tmp_path / "prompts" / "study_one")
    run = ended(tmp_path, name="first", champions=folder)
    without = history(tmp_path, run.load(RunRecord))[0]
    run.save(RaceRecord(level=0.9, effects=(), steps=(), noise=1.5))
    (measured,) = history(tmp_path, run.load(RunRecord))
    summary = summarize(run)
    assert asdict(summary.mean_score(summary.baseline) or without).items() <= asdict(measured).items()
    assert (measured.low, measured.high) != (without.low, without.high)
    assert f"({measured.low:.1f} to {measured.high:.1f}, 3 fresh executions)" in sentence(summary)


def test_a_requalification_has_the_interval_that_its_record_keeps(tmp_path: Path) -> None:
    """The record of an old version keeps only the scores."""
    folder = tmp_path / "prompts" / "study_one"
    run = ended(tmp_path, champions=str(folder), started=3.0)
    kept = QualificationRecord(
        commit="a", champion=2, champions=folder, fingerprint="f", decision="as good", scores={"g": [5.0, 6.0, 7.0]},
        low=4.9, high=7.1, level=0.97, rehearsal=None, run="r1", at=1.0,
    )  # fmt: skip
    old = kept.model_copy(update={"at": 2.0, "low": None, "high": None, "level": None})
    qualifications = Qualifications.of(tmp_path, "study", rehearse=False)
    for record in (kept, old):
        qualifications.add(record)
    first, second, _ = history(tmp_path, run.load(RunRecord))
    assert (first.score, first.low, first.high, first.level) == (6.0, 4.9, 7.1, 0.97)
    assert asdict(mean_score(old.scores)).items() <= asdict(second).items()


def test_a_damaged_folder_does_not_hide_the_others(tmp_path: Path) -> None:
    """The same holds for a damaged file of requalifications."""
    folder = str(tmp_path / "prompts" / "study_one")
    run = ended(tmp_path, name="first", champions=folder)
    ended(tmp_path, name="damaged", champions=folder).write("trials.jsonl", "{\n")
    damaged = tmp_path / "requalified" / "x" / "qualifications.jsonl"
    damaged.parent.mkdir(parents=True)
    damaged.write_text("{\n")
    assert [one.run for one in history(tmp_path, run.load(RunRecord))] == ["first"]


def test_a_run_of_an_old_version_has_no_history(tmp_path: Path) -> None:
    """It does not say where its champions are."""
    assert history(tmp_path, ended(tmp_path).load(RunRecord)) == []
