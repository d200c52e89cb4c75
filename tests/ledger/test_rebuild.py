"""The ledger has what the run folders have. It is made again from them at any time."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy import text

from tests.support.ledger import everything, rows, trial
from tests.support.old_run import old_run
from tests.support.run_folder import add, begin, call, ended
from workbench.ledger import schema
from workbench.ledger.database import Database
from workbench.ledger.rebuild import prepare, rebuild
from workbench.ledger.run_rows import RunRows
from workbench.money.price import Cost, ModelCost, Tokens
from workbench.nouns import KeyedVerdict, Trial, TrialOutcome, Verdict
from workbench.run.folder import RunFolder
from workbench.run.journal import CallRecord
from workbench.run.record import AnswerRecord, PromotedRecord, RunRecord

HOSTILE = "Robert'); DROP TABLE scores;-- \x00 \ud800 %s :run {} \N{PILE OF POO}".encode("utf-8", "replace").decode()


def test_a_run_that_goes_on_is_copied_line_by_line(tmp_path: Path, database: Database) -> None:
    """The result equals the result of a rebuild, also if a retried run writes a trial again."""
    run = begin(tmp_path)
    prepare(database, tmp_path)
    copied = RunRows(run)
    for number in range(3):
        trial(run, number)
        assert copied.copy_new(database) == 3
    assert copied.copy_new(database) == 0
    trial(run, 1, score=9.0)
    copied.copy_new(database)
    assert rows(database, "SELECT replicate, score FROM trials ORDER BY replicate") == [(0, 5.0), (1, 9.0), (2, 5.0)]
    before = everything(database)
    rebuild(database, tmp_path)
    assert everything(database) == before


def test_a_ledger_of_another_version_is_made_again(tmp_path: Path, database: Database) -> None:
    """Therefore, a change of the tables needs no migration. Tables of the other version are removed."""
    trial(begin(tmp_path), 0)
    prepare(database, tmp_path)
    before = everything(database)
    with database.writing() as connection:
        connection.execute(text("UPDATE ledger_version SET version = 77"))
        connection.execute(text("DELETE FROM scores"))
        connection.execute(text("CREATE TABLE of_another_version (x INTEGER)"))
        connection.execute(text("CREATE VIEW also AS SELECT x FROM of_another_version"))
    prepare(database, tmp_path)
    assert everything(database) == before
    assert rows(database, "SELECT version FROM ledger_version") == [(schema.SCHEMA,)]
    rebuild(database, tmp_path)
    assert everything(database) == before


def test_a_run_whose_folder_was_pruned_stays_until_it_is_forgotten(tmp_path: Path, database: Database) -> None:
    """A rebuild says which runs have no folder."""
    for name in ("a", "b"):
        trial(begin(tmp_path, name=name), 0)
    prepare(database, tmp_path)
    shutil.rmtree(tmp_path / "runs" / "a")
    rebuilt = rebuild(database, tmp_path)
    assert (rebuilt.runs, rebuilt.without_folder, rebuilt.forgot) == (["b"], ["a"], False)
    assert rows(database, "SELECT run FROM trials ORDER BY run") == [("a",), ("b",)]
    rebuild(database, tmp_path, forget=True)
    assert rows(database, "SELECT run FROM trials") == [("b",)]
    assert rows(database, "SELECT run FROM runs") == [("b",)]


def test_a_damaged_folder_does_not_hide_the_others(tmp_path: Path, database: Database) -> None:
    """The rows that the ledger had of this run stay."""
    for name in ("a", "b"):
        trial(begin(tmp_path, name=name), 0)
    prepare(database, tmp_path)
    before = everything(database)
    (tmp_path / "runs" / "a" / "trials.jsonl").write_text("{\n")
    rebuilt = rebuild(database, tmp_path)
    assert (rebuilt.runs, list(rebuilt.unreadable)) == (["b"], ["a"])
    assert "trials.jsonl:1 is no JSON" in rebuilt.unreadable["a"]
    assert everything(database) == before


def test_words_of_a_model_are_values_and_nothing_else(tmp_path: Path, database: Database) -> None:
    """Characters that no database stores are replaced."""
    run = begin(tmp_path, study=HOSTILE)
    add(run, "search", HOSTILE, 0, 3.0, HOSTILE)
    call(run, ("score", HOSTILE, HOSTILE))
    rebuild(database, tmp_path)
    clean = HOSTILE.replace("\0", "\N{REPLACEMENT CHARACTER}")
    assert rows(database, "SELECT study, candidate, reason FROM trials") == [(clean, clean, clean)]


def test_a_folder_of_an_old_version_is_copied(tmp_path: Path, database: Database) -> None:
    """Such a folder lists no answers and no outcomes."""
    old_run(tmp_path)
    rebuild(database, tmp_path)
    assert rows(database, "SELECT COUNT(*) FROM trials") == [(10,)]
    assert rows(database, "SELECT COUNT(*), MIN(outcome) FROM executions") == [(10, "ok")]


def test_a_row_says_what_was_paid(tmp_path: Path, database: Database) -> None:
    """Each trial has the seconds, tokens and dollars of its execution and its verdict, and NULL for kept answers."""
    run = begin(tmp_path, commit="c0ffee", models={"judge": "gemini/j"})
    bought(run, "execute", "e0", 2.0, 0.5)
    bought(run, "score", "v0", 1.0, 0.25)
    run.append(CallRecord(action="execute", key="e1", kind="timed out", seconds=9.0, at=2.0))
    bought(run, "propose", "p0", 1.0, 0.125)
    for key in ("e0", "e1", "e2"):
        run.append(AnswerRecord(task="execute", key=key, candidate="c", goal="g", replicate=int(key[1])))
    for key in ("v0", "v2"):
        run.append(AnswerRecord(task="score", key=key, candidate="c", goal="g", replicate=0))
    outcomes: dict[int, TrialOutcome] = {0: "ok", 2: "invalid plan"}
    for number, outcome in outcomes.items():
        verdict = Verdict(5.0 - number, "why")
        verdicts = (KeyedVerdict(f"v{number}", verdict),)
        run.add_trial("search", Trial("c", "g", number, f"e{number}", verdict, outcome, verdicts))
    rebuild(database, tmp_path)
    query = (
        'SELECT study, "commit", models, run, replicate, outcome, score, seconds, verdict_seconds, input_tokens, '
        "output_tokens, dollars FROM trials ORDER BY replicate"
    )
    facts = ("study_one", "c0ffee", '{"judge": "gemini/j"}', run.name)
    assert rows(database, query) == [
        (*facts, 0, "ok", 5.0, 2.0, 1.0, 14, 6, 0.75),
        (*facts, 2, "invalid plan", 3.0, None, None, None, None, None),
    ]
    assert rows(database, "SELECT replicate, outcome, dollars FROM executions ORDER BY replicate") == [
        (0, "ok", 0.5),
        (1, "timed out", None),
        (2, "kept", None),
    ]
    assert rows(database, "SELECT key, outcome, score, reason FROM verdicts ORDER BY key") == [
        ("v0", "ok", 5.0, "why"),
        ("v2", "invalid plan", 3.0, "why"),
    ]
    proposals = rows(database, "SELECT outcome, seconds, dollars, answered_by FROM proposals")
    assert proposals == [("ok", 1.0, 0.125, "gemini/m")]


def test_a_trial_may_be_the_mean_of_several_verdicts(tmp_path: Path, database: Database) -> None:
    """Each verdict has its own score and reason. The trial shows what all of them cost."""
    run = begin(tmp_path)
    verdicts = (KeyedVerdict("v0", Verdict(4.0, "low")), KeyedVerdict("v1", Verdict(6.0, "high")))
    for keyed in verdicts:
        bought(run, "score", keyed.key, 1.0, 0.25)
        run.append(AnswerRecord(task="score", key=keyed.key, candidate="c", goal="g", replicate=0))
    for number in (0, 1):
        run.add_trial("search", Trial("c", "g", number, "e", Verdict(5.0, "low"), "ok", verdicts))
    rebuild(database, tmp_path)
    assert rows(database, "SELECT score, verdict_seconds, dollars FROM trials") == [(5.0, 2.0, 0.5)] * 2
    assert rows(database, "SELECT key, score, reason FROM verdicts ORDER BY key") == [
        ("v0", 4.0, "low"),
        ("v1", 6.0, "high"),
    ]


def test_a_promotion_is_a_fact_of_the_run(tmp_path: Path, database: Database) -> None:
    run = ended(tmp_path)
    run.save(PromotedRecord(number=2, file=Path("0002.md"), date="2026-01-01T00:00:00Z"))
    rebuild(database, tmp_path)
    assert rows(database, "SELECT best, promoted FROM runs") == [("second", 2)]
    assert run.has(RunRecord)


def bought(run: RunFolder, action: str, key: str, seconds: float, dollars: float) -> None:
    """Add a call that ended well to the journal."""
    cost = Cost.of([ModelCost("gemini/m", 1, Tokens(input=7, output=2, thought=1), dollars)])
    run.append(CallRecord(action=action, key=key, kind="ok", seconds=seconds, at=1.0, cost=cost))  # type: ignore[arg-type]  # a test's word
