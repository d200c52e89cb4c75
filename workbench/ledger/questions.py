"""Answers questions to the ledger: what a study cost, how its champion scored, and what its trials were."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, text

from workbench.run.record import RunKind

#: The columns of a trial, as `workbench ledger trials` shows them.
TRIAL = (
    "run", "commit", "phase", "candidate", "goal", "replicate", "outcome", "score", "reason", "seconds",
    "verdict_seconds", "input_tokens", "output_tokens", "dollars", "models", "rehearsal", "at",
)  # fmt: skip


@dataclass(frozen=True)
class StudyTotals:
    """What a study did in all its runs. Rehearsals and each kind of run are counted apart.

    Attributes:
        kind: what is counted: searches with requalifications, calibrations of the judge, or drawings of rubrics.
        executions, verdicts, proposals: calls that were made, failed calls included.
        dollars: the cost of these calls; in a rehearsal, what real models would have cost.
        unpriced: calls whose amount is not known.
        last: Unix time at which the newest run began.
    """

    study: str
    kind: RunKind
    rehearsal: bool
    runs: int
    trials: int
    executions: int
    verdicts: int
    proposals: int
    dollars: float
    unpriced: int
    last: float

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return asdict(self)


@dataclass(frozen=True)
class PromptScore:
    """The score of the prompt in use, measured by one run on fresh replicates. The run's report has the same numbers.

    Attributes:
        champion: the number of the champion; None for the starting prompt of a study without a champion.
        score, low, high, level: the mean over the goals, and its interval; the interval is None with one replicate.
        trials: how many trials the score is the mean of.
        at: Unix time at which the run began.
    """

    run: str
    commit: str | None
    champion: int | None
    candidate: str
    rehearsal: bool
    score: float
    low: float | None
    high: float | None
    level: float | None
    trials: int
    at: float

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return asdict(self)


def studies(connection: Connection) -> list[StudyTotals]:
    """Return the totals of every study, by name."""
    rows = connection.execute(
        text("""
SELECT r.study, r.kind, r.rehearsal IS NOT NULL AS rehearsal, COUNT(*) AS runs, SUM(COALESCE(t.trials, 0)) AS trials,
       SUM(COALESCE(c.executions, 0)) AS executions, SUM(COALESCE(c.verdicts, 0)) AS verdicts,
       SUM(COALESCE(c.proposals, 0)) AS proposals, SUM(COALESCE(c.dollars, 0)) AS dollars,
       SUM(COALESCE(c.unpriced, 0)) AS unpriced, MAX(r.started) AS last
FROM runs r
LEFT JOIN (SELECT run, COUNT(*) AS trials FROM scores GROUP BY run) t ON t.run = r.run
LEFT JOIN (SELECT run, SUM(CASE WHEN action = 'execute' THEN 1 ELSE 0 END) AS executions,
                  SUM(CASE WHEN action = 'score' THEN 1 ELSE 0 END) AS verdicts,
                  SUM(CASE WHEN action = 'propose' THEN 1 ELSE 0 END) AS proposals,
                  SUM(dollars) AS dollars, SUM(unpriced) AS unpriced
           FROM calls GROUP BY run) c ON c.run = r.run
GROUP BY r.study, r.kind, r.rehearsal IS NOT NULL
ORDER BY r.study, r.rehearsal IS NOT NULL, r.kind DESC
""")
    )
    numbers = ("runs", "trials", "executions", "verdicts", "proposals", "unpriced")
    return [
        StudyTotals(
            study=row.study,
            kind=row.kind,
            rehearsal=bool(row.rehearsal),
            dollars=float(row.dollars),
            last=float(row.last),
            **{name: int(row._mapping[name]) for name in numbers},
        )
        for row in rows
    ]


def names(connection: Connection) -> set[str]:
    """Return the names of all studies."""
    return {row.study for row in connection.execute(text("SELECT DISTINCT study FROM runs"))}


def prompt_scores(connection: Connection, study: str) -> list[PromptScore]:
    """Return the scores of the prompt in use, one for each run that measured it on fresh replicates, oldest first."""
    rows = connection.execute(
        text("""
SELECT r.run, r."commit", r.champion, r.baseline AS candidate, r.rehearsal IS NOT NULL AS rehearsal,
       r.baseline_score AS score, r.baseline_low AS low, r.baseline_high AS high, r.baseline_level AS level,
       r.started AS at, (SELECT COUNT(*) FROM scores s
                         WHERE s.run = r.run AND s.candidate = r.baseline AND s.phase = 'confirm') AS trials
FROM runs r
WHERE r.study = :study AND r.baseline_score IS NOT NULL
ORDER BY r.started, r.run
"""),
        {"study": study},
    )
    return [PromptScore(**{**row._mapping, "rehearsal": bool(row.rehearsal)}) for row in rows]


def trials(connection: Connection, study: str, most: int) -> list[dict[str, Any]]:
    """Return the newest trials of a study, the newest first. Each has the columns of TRIAL. `models` is a dict."""
    rows = connection.execute(
        text("SELECT * FROM trials WHERE study = :study ORDER BY at DESC, run, candidate, goal, replicate LIMIT :most"),
        {"study": study, "most": most},
    )
    listed = [{name: row._mapping[name] for name in TRIAL} for row in rows]
    return [{**trial, "models": json.loads(trial["models"])} for trial in listed]
