"""Copies the files of a run's folder into the ledger's tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from workbench.evidence.summary import summarize
from workbench.ledger.database import Database
from workbench.ledger.schema import asks, calls, judged, runs, score_verdicts, scores
from workbench.run.file_format import Record
from workbench.run.folder import RunFolder
from workbench.run.journal import CallRecord
from workbench.run.record import AnswerRecord, PromotedRecord, RunRecord, SearchResult, TrialRecord

#: The values of one row, by column.
Row = dict[str, Any]


@dataclass
class RunRows:
    """The rows of one run, with the number of lines of each file that are copied already."""

    folder: RunFolder
    _copied: dict[type[Record], int] = field(default_factory=dict)

    def copy_new(self, database: Database) -> int:
        """Copy the lines that were added since the last call. Return their number.

        Raises:
            LedgerFailed: the database failed. The next call copies the same lines.
            RunNotFound, RunTooNew: a file of the run is damaged, or a newer Workbench wrote it.
        """
        if not self.folder.has(RunRecord):
            return 0
        new_lines = NewLines.of(self.folder, self._copied)
        if new_lines.number:
            with database.writing() as connection:
                write(connection, self.folder, new_lines)
            for kind, lines in new_lines.by_kind.items():
                self._copied[kind] = self._copied.get(kind, 0) + len(lines)
        return new_lines.number


@dataclass(frozen=True)
class NewLines:
    """Lines of a run's files that are not in the ledger yet. `first_call` is the number of the first call's line."""

    trials: Sequence[TrialRecord]
    answers: Sequence[AnswerRecord]
    calls: Sequence[CallRecord]
    first_call: int

    @classmethod
    def of(cls, folder: RunFolder, copied: dict[type[Record], int]) -> NewLines:
        """Read the lines of each file that come after the copied lines."""
        return cls(
            folder.lines(TrialRecord, after=copied.get(TrialRecord, 0)),
            folder.lines(AnswerRecord, after=copied.get(AnswerRecord, 0)),
            folder.lines(CallRecord, after=copied.get(CallRecord, 0)),
            copied.get(CallRecord, 0) + 1,
        )

    @property
    def by_kind(self) -> dict[type[Record], Sequence[Record]]:
        """Return the lines by the type of their file."""
        return {TrialRecord: self.trials, AnswerRecord: self.answers, CallRecord: self.calls}

    @property
    def number(self) -> int:
        """Return how many lines there are."""
        return len(self.trials) + len(self.answers) + len(self.calls)


def write(connection: Connection, folder: RunFolder, new_lines: NewLines) -> None:
    """Write the run and its new lines. A row with the same primary key is replaced."""
    run = folder.name
    _put(connection, runs, [_run(folder)])
    _put(connection, scores, [_score(run, trial) for trial in new_lines.trials])
    _put(connection, judged, [row for trial in new_lines.trials for row in _judged(run, trial)])
    _put(connection, score_verdicts, [row for trial in new_lines.trials for row in _score_verdicts(run, trial)])
    _put(connection, asks, [_ask(run, answer) for answer in new_lines.answers])
    # Runs of old versions list no answers, so the calls say which answers they asked for.
    asks_of_calls = {
        (call.action, call.key): {"run": run, "action": call.action, "key": call.key} for call in new_lines.calls
    }
    _put(connection, asks, list(asks_of_calls.values()), replace=False)
    _put(
        connection,
        calls,
        [_call(run, line, call) for line, call in enumerate(new_lines.calls, start=new_lines.first_call)],
    )


def _put(connection: Connection, table: Table, rows: Sequence[Row], *, replace: bool = True) -> None:
    """Insert rows. A row with the same primary key is replaced if `replace` is True, and stays otherwise."""
    if not rows:
        return
    insert = _insert(connection, table)
    key = list(table.primary_key.columns)
    others = {column.name: insert.excluded[column.name] for column in table.columns if column not in key}
    if replace and others:
        statement = insert.on_conflict_do_update(index_elements=key, set_=others)
    else:
        statement = insert.on_conflict_do_nothing()
    connection.execute(statement, rows)


def _insert(connection: Connection, table: Table) -> Any:
    """Return the insertion into a table, in the dialect of the ledger's database."""
    if connection.dialect.name == "postgresql":
        # Imported here, because few ledgers are in PostgreSQL.
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)


def _run(folder: RunFolder) -> Row:
    record = folder.load(RunRecord)
    result = folder.load(SearchResult) if folder.has(SearchResult) else None
    promoted = folder.load(PromotedRecord) if folder.has(PromotedRecord) else None
    # Until the search has a result, nothing is confirmed, and reading the whole folder every second would be in vain.
    measured = summarize(folder).baseline_score if result else None
    return {
        "run": folder.name,
        "kind": record.kind,
        "study": record.study,
        "started": record.started,
        "optimizer": record.optimizer,
        "commit": record.commit,
        "models": json.dumps(record.models, ensure_ascii=False),
        "rehearsal": record.rehearsal,
        "baseline": record.baseline,
        "champion": record.champion,
        **{f"baseline_{name}": getattr(measured, name, None) for name in ("score", "low", "high", "level")},
        "best": result.best if result else None,
        "promoted": promoted.number if promoted else None,
        "fingerprint": record.fingerprint,
    }


def _identity(run: str, trial: TrialRecord) -> Row:
    """Return the columns that tell a trial from all others."""
    return {
        "run": run,
        "phase": trial.phase,
        "candidate": trial.candidate,
        "goal": trial.goal,
        "replicate": trial.replicate,
    }


def _score(run: str, trial: TrialRecord) -> Row:
    return {
        **_identity(run, trial),
        "outcome": trial.outcome,
        "score": trial.score,
        "reason": trial.reason,
        "execution": trial.execution or None,
        "at": trial.at,
    }


def _judged(run: str, trial: TrialRecord) -> list[Row]:
    """Return the verdicts of a trial. Trials of old versions list no verdicts."""
    return [
        {
            "run": run,
            "key": verdict.key,
            "outcome": trial.outcome,
            "score": verdict.score,
            "reason": trial.reason if verdict.reason is None else verdict.reason,
            "at": trial.at,
        }
        for verdict in trial.verdicts or ()
    ]


def _score_verdicts(run: str, trial: TrialRecord) -> list[Row]:
    return [{**_identity(run, trial), "verdict": verdict.key} for verdict in trial.verdicts or ()]


def _ask(run: str, answer: AnswerRecord) -> Row:
    return {
        "run": run,
        "action": answer.task,
        "key": answer.key,
        "candidate": answer.candidate,
        "goal": answer.goal,
        "replicate": answer.replicate,
    }


def _call(run: str, line: int, call: CallRecord) -> Row:
    models = call.cost.models if call.cost else ()
    untold = call.cost.untold if call.cost else ()
    return {
        "run": run,
        "line": line,
        "action": call.action,
        "key": call.key,
        "outcome": call.kind,
        "message": call.message,
        "seconds": call.seconds,
        "input_tokens": sum(part.tokens.all_input for part in models) if models else None,
        "output_tokens": sum(part.tokens.all_output for part in models) if models else None,
        "dollars": call.cost.known if call.cost else None,
        "unpriced": len(untold) + sum(part.calls for part in models if part.dollars is None),
        "answered_by": ", ".join(dict.fromkeys(part.model for part in models)) or None,
        "at": call.at,
    }
