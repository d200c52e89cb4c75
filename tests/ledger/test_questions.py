"""What the ledger answers to people."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.ledger.test_rebuild import bought
from tests.support.command_line import CHECKOUT
from tests.support.ledger import rows, trial
from tests.support.run_folder import HIGH, LOW, add, begin, ended, record
from workbench.evidence.statistics import MeanScore, mean_score
from workbench.evidence.summary import summarize
from workbench.ledger import questions
from workbench.ledger.database import Database
from workbench.ledger.rebuild import prepare, rebuild
from workbench.ledger.run_rows import RunRows
from workbench.nouns import FIRST_CONFIRM_REPLICATE
from workbench.run.folder import CALIBRATED, RUNS, RunFolder
from workbench.run.race_record import RaceRecord
from workbench.run.record import AnswerRecord


def test_a_study_is_the_sum_of_its_runs(tmp_path: Path, database: Database) -> None:
    """Rehearsals are counted apart, because they cost nothing."""
    for name, rehearsal in (("a", None), ("b", None), ("c", "default:0")):
        run = begin(tmp_path, name=name, rehearsal=rehearsal, started=float(ord(name)))
        trial(run, 0)
        bought(run, "score", "v", 1.0, 0.25)
    begin(tmp_path, name="d", study="another")
    prepare(database, tmp_path)
    with database.reading() as connection:
        another, real, rehearsed = questions.studies(connection)
    assert (another.study, another.runs, another.trials, another.dollars) == ("another", 1, 0, 0.0)
    assert (real.rehearsal, real.runs, real.trials, real.executions, real.verdicts) == (False, 2, 2, 2, 2)
    assert (real.dollars, real.last) == (0.5, float(ord("b")))
    assert (rehearsed.rehearsal, rehearsed.runs, rehearsed.dollars) == (True, 1, 0.25)
    assert json.dumps(real.to_json())


def test_a_calibration_of_the_judge_is_counted_apart_from_searches(tmp_path: Path, database: Database) -> None:
    """The ledger copies the calibration's folder like the folder of a run, also in a rebuild.

    A calibration has no trials.
    """
    trial(begin(tmp_path, started=1.0), 0)
    folder = calibration_folder(tmp_path)
    copied = RunRows(folder)
    prepare(database, tmp_path)
    bought(folder, "score", "v", 1.0, 0.25)
    folder.append(AnswerRecord(task="score", key="v", candidate="dropped 25%", goal="g", replicate=0))
    bought(folder, "execute", "e", 1.0, 0.5)
    copied.copy_new(database)
    for _ in range(2):
        with database.reading() as connection:
            search, calibration = questions.studies(connection)
            assert questions.trials(connection, "study_one", 9)[0]["run"] == search_run(tmp_path)
            assert questions.prompt_scores(connection, "study_one") == []
        assert (search.kind, search.runs, search.trials, search.dollars) == ("search", 1, 1, 0.0)
        assert (calibration.kind, calibration.runs, calibration.trials) == ("calibration", 1, 0)
        assert (calibration.executions, calibration.verdicts, calibration.dollars) == (1, 1, 0.75)
        query = "SELECT kind, candidate, outcome, dollars FROM verdicts"
        assert rows(database, query) == [("calibration", "dropped 25%", "ok", 0.25)]
        assert "calibration-key" in rebuild(database, tmp_path).runs


def calibration_folder(home: Path) -> RunFolder:
    """Make the folder of a calibration that has just begun."""
    folder = RunFolder(home / CALIBRATED / "calibration-key").create_if_missing()
    folder.save(record(kind="calibration", run_id=folder.name, started=2.0))
    return folder


def search_run(home: Path) -> str:
    """Return the name of the only run."""
    (folder,) = (home / RUNS).iterdir()
    return folder.name


def test_the_prompt_in_use_has_a_score_for_each_run_that_confirmed_it(tmp_path: Path, database: Database) -> None:
    """The oldest score comes first. Its interval is the interval of the reports, in which a race's noise counts."""
    run = ended(tmp_path, name="later", started=2.0, commit="b", champion=3, alpha=0.05, confirm=4)
    for candidate, score in (("first", LOW[0]), ("second", HIGH[0])):
        add(run, "confirm", candidate, FIRST_CONFIRM_REPLICATE + len(LOW), score)
    run.save(RaceRecord(level=0.9, effects=(), steps=(), noise=1.5))
    ended(tmp_path, name="first", started=1.0, commit="a")
    add(begin(tmp_path, name="unfinished", started=3.0), "confirm", "first", FIRST_CONFIRM_REPLICATE, 3.0)
    prepare(database, tmp_path)
    with database.reading() as connection:
        first, later = questions.prompt_scores(connection, "study_one")
        assert questions.prompt_scores(connection, "unknown") == []
    assert (first.run, first.commit, first.champion, first.candidate) == ("first", "a", None, "first")
    assert (later.run, later.commit, later.champion, later.trials) == ("later", "b", 3, 4)
    reported = summarize(run).baseline_score
    assert reported == MeanScore(later.score, later.low, later.high, later.level)
    assert reported != mean_score({"g": [*LOW, LOW[0]]})
    assert mean_score({"g": LOW}) == MeanScore(first.score, first.low, first.high, first.level)
    assert json.dumps(later.to_json())


def test_the_query_of_the_guide_works(tmp_path: Path, database: Database) -> None:
    """The query is executed as the guide shows it. PostgreSQL finds the views in the ledger's schema."""
    trial(begin(tmp_path, commit="c0ffee"), 0, score=7.0)
    trial(begin(tmp_path, name="rehearsed", rehearsal="default:0"), 0)
    prepare(database, tmp_path)
    guide = (CHECKOUT / "docs" / "guide" / "operations.md").read_text()
    (query,) = re.findall(r"```sql\n(.*?)```", guide, flags=re.DOTALL)
    assert rows(database, query) == [("study_one", "c0ffee", 1, 7.0, None)]


def test_the_newest_trials_come_first(tmp_path: Path, database: Database) -> None:
    run = begin(tmp_path)
    for number in range(3):
        trial(run, number)
    prepare(database, tmp_path)
    with database.reading() as connection:
        newest, before = questions.trials(connection, "study_one", 2)
    assert (newest["replicate"], before["replicate"]) == (2, 1)
    assert tuple(newest) == questions.TRIAL
    assert json.dumps(newest)
