"""Defines the tables of the ledger, which mirror the files of run folders: a line is copied as it is.

runs             run.json, found.json and promoted.json of each run, and run.json of each calibration and drawing; with
                 the confirmed score of the prompt that the run began with, and its interval as in the run's report
scores           trials.jsonl: the score of each trial, with the judge's reason
judged           the verdicts in trials.jsonl; equal plans share a verdict, and a score may be the mean of several
score_verdicts   the verdicts that a trial's score is the mean of
asks             answers.jsonl: every answer that a run needed, bought or kept from an earlier run
calls            journal.jsonl: every call that was made, with its seconds, tokens and dollars

People query the views (workbench.ledger.views). Amounts are in US dollars. In a run with `rehearsal`, no money was
paid: an amount is what real models would have cost.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    inspect,
    text,
)

from workbench.ledger.views import VIEWS

#: The version of the tables and views. A ledger of another version is made again from the run folders.
SCHEMA = 4


class Words(TypeDecorator[str]):
    """A text that a model may have written. PostgreSQL stores neither NUL nor half of a surrogate pair."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Any) -> str | None:
        """Return the text with a replacement character for each character that cannot be stored."""
        if value is None:
            return None
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", errors="replace").decode()


def _trial_key() -> list[Column[Any]]:
    """Return new columns with the identity of a trial. A column belongs to one table."""
    words = [Column(name, Words, primary_key=True) for name in ("run", "phase", "candidate", "goal")]
    return [*words, Column("replicate", BigInteger, primary_key=True)]


metadata = MetaData()

versions = Table("ledger_version", metadata, Column("version", Integer, nullable=False))

runs = Table(
    "runs",
    metadata,
    Column("run", Words, primary_key=True),
    Column("kind", Words, nullable=False),
    Column("study", Words, nullable=False),
    Column("started", Double, nullable=False),
    Column("optimizer", Words, nullable=False),
    Column("commit", Words),
    Column("models", Words, nullable=False),
    Column("rehearsal", Words),
    Column("baseline", Words, nullable=False),
    Column("champion", Integer),
    Column("baseline_score", Double),
    Column("baseline_low", Double),
    Column("baseline_high", Double),
    Column("baseline_level", Double),
    Column("best", Words),
    Column("promoted", Integer),
    Column("fingerprint", Words),
    Index("runs_of_study", "study", "started"),
)

scores = Table(
    "scores",
    metadata,
    *_trial_key(),
    Column("outcome", Words),
    Column("score", Double, nullable=False),
    Column("reason", Words, nullable=False),
    Column("execution", Words),
    Column("at", Double, nullable=False),
)

judged = Table(
    "judged",
    metadata,
    Column("run", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    Column("outcome", Words),
    Column("score", Double, nullable=False),
    Column("reason", Words, nullable=False),
    Column("at", Double, nullable=False),
)

score_verdicts = Table(
    "score_verdicts",
    metadata,
    *_trial_key(),
    Column("verdict", Words, primary_key=True),
)

asks = Table(
    "asks",
    metadata,
    Column("run", Words, primary_key=True),
    Column("action", Words, primary_key=True),
    Column("key", Words, primary_key=True),
    Column("candidate", Words),
    Column("goal", Words),
    Column("replicate", BigInteger),
)

calls = Table(
    "calls",
    metadata,
    Column("run", Words, primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("action", Words, nullable=False),
    Column("key", Words, nullable=False),
    Column("outcome", Words, nullable=False),
    Column("message", Words, nullable=False),
    Column("seconds", Double, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("dollars", Double),
    Column("unpriced", Integer, nullable=False),
    Column("answered_by", Words),
    Column("at", Double, nullable=False),
    Index("calls_of_answer", "run", "action", "key"),
)


#: The tables with rows of runs.
RUN_TABLES = (runs, scores, judged, score_verdicts, asks, calls)


def version(connection: Connection) -> int | None:
    """Return the version of the ledger in a database, or None if the database has no ledger."""
    if not inspect(connection).has_table(versions.name):
        return None
    return connection.execute(versions.select()).scalar() or 0


def is_empty(connection: Connection) -> bool:
    """Return True if the database, or the ledger's schema in it, has neither tables nor views."""
    inspector = inspect(connection)
    return not inspector.get_table_names() and not inspector.get_view_names()


def create(connection: Connection) -> None:
    """Replace the ledger of any version by an empty one of this version."""
    inspector = inspect(connection)
    quote = connection.dialect.identifier_preparer.quote
    # In PostgreSQL, a view or a table that another view needs cannot be dropped alone.
    cascade = " CASCADE" if connection.dialect.name == "postgresql" else ""
    for view in inspector.get_view_names():
        connection.execute(text(f"DROP VIEW IF EXISTS {quote(view)}{cascade}"))
    for table in inspector.get_table_names():
        connection.execute(text(f"DROP TABLE {quote(table)}{cascade}"))
    metadata.create_all(connection)
    for view, query in VIEWS.items():
        connection.execute(text(f"CREATE VIEW {view} AS {query}"))
    connection.execute(versions.insert().values(version=SCHEMA))
