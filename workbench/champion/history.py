"""Tells how the prompt in use scored over time and commits: at promotions, in requalifications and in searches."""

from __future__ import annotations

import calendar
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.champion.champions import Champions
from workbench.champion.qualification import Qualifications
from workbench.errors import UserError
from workbench.evidence.statistics import mean_score
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

Occasion = Literal["promotion", "requalification", "search"]


@dataclass(frozen=True)
class Measurement:
    """The score of the prompt in use on fresh replicates, 0 to 10.

    Attributes:
        at: Unix time.
        champion: its number; None for the starting prompt of a study without a champion.
        low, high, level: the interval of the score; None with a single replicate.
        decision: what a requalification decided; None on other occasions.
        run: the run that measured it.
    """

    at: float
    occasion: Occasion
    champion: int | None
    commit: str | None
    score: float
    low: float | None
    high: float | None
    level: float | None
    decision: str | None
    run: str | None

    def to_json(self) -> dict[str, Any]:
        """Return what `--json` writes."""
        return asdict(self)


def history(home: Path, record: RunRecord) -> list[Measurement]:
    """Return all measurements of the champions of a run's study, oldest first.

    A rehearsal has a history of its own: scores of scripted models are not compared with those of real models.

    Raises:
        ChampionUnreadable: the file of a champion cannot be read.
    """
    if record.champions is None:
        return []
    requalified = list(_requalifications(home, record))
    of_requalifications = {measurement.run for measurement in requalified}
    searches = [one for one in _searches(home, record) if one.run not in of_requalifications]
    return sorted([*_promotions(record), *requalified, *searches], key=lambda measurement: measurement.at)


def _promotions(record: RunRecord) -> Iterator[Measurement]:
    """Yield what the files of the champions say. A rollback measures nothing, and a starting prompt has no date."""
    assert record.champions is not None  # noqa: S101  # `history` has checked it
    for champion in Champions(record.study, record.champions, "").all():
        same = (champion.rehearsal is None) == (record.rehearsal is None)
        if champion.score is None or champion.date is None or champion.restores is not None or not same:
            continue
        yield Measurement(
            at=calendar.timegm(time.strptime(champion.date[:19], "%Y-%m-%dT%H:%M:%S")),
            occasion="promotion",
            champion=champion.number,
            commit=champion.commit,
            score=champion.score,
            low=champion.low,
            high=champion.high,
            level=champion.level,
            decision=None,
            run=champion.run,
        )


def _requalifications(home: Path, record: RunRecord) -> Iterator[Measurement]:
    for file in sorted((home / "requalified").glob("*/*.jsonl")):
        try:
            known = Qualifications(file, record.rehearsal is not None).all()
        except UserError:
            # One damaged file does not hide the other measurements.
            continue
        for one in known:
            if one.champions == record.champions and one.scores:
                yield _measured(one.scores, one.at, "requalification", one.champion, one.commit, one.decision, one.run)


def _searches(home: Path, record: RunRecord) -> Iterator[Measurement]:
    """Yield the confirmed scores of the prompts that the study's searches began with."""
    for path in sorted((home / "runs").glob("*/")):
        folder = RunFolder(path)
        try:
            other = folder.load(RunRecord)
            same = (other.rehearsal is None) == (record.rehearsal is None)
            if not same or (other.study, other.champions) != (record.study, record.champions):
                continue
            summary = summarize(folder)
        except UserError:
            continue
        if summary.comparison is not None:
            scores = summary.confirmed(summary.baseline)
            yield _measured(scores, other.started, "search", other.champion, other.commit, None, folder.name)


def _measured(
    scores: Mapping[str, Sequence[float]],
    at: float,
    occasion: Occasion,
    champion: int | None,
    commit: str | None,
    decision: str | None,
    run: str | None,
) -> Measurement:
    mean = mean_score(scores)
    return Measurement(at, occasion, champion, commit, mean.score, mean.low, mean.high, mean.level, decision, run)
