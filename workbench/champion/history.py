"""Tells how the prompt in use scored over time and commits: at promotions, in requalifications and in searches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from workbench.champion.champion import Champion
from workbench.champion.champions import Champions
from workbench.champion.qualification import Qualifications
from workbench.errors import UserError
from workbench.evidence.statistics import MeanScore
from workbench.evidence.summary import summarize
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord

Occasion = Literal["promotion", "requalification", "search"]


@dataclass(frozen=True)
class Measurement:
    """The score of the prompt in use on fresh replicates, 0 to 10.

    Attributes:
        at: Unix time.
        occasion: why the prompt was measured.
        champion: the number of the champion; None for the starting prompt of a study without a champion.
        commit: the commit of the study's repository that was measured, or None.
        score: the mean score.
        low, high, level: the ends and the level of the score's interval; None with a single replicate.
        decision: what a requalification decided; None on other occasions.
        run: the name of the run that measured the prompt, or None.
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

    Rehearsals have a history of their own: the scores of scripted and of real models are not compared.

    Raises:
        ChampionUnreadable: the file of a champion cannot be read.
    """
    if record.champions is None:
        return []
    requalifications = list(_requalifications(home, record))
    requalifying_runs = {measurement.run for measurement in requalifications}
    searches = [search for search in _searches(home, record) if search.run not in requalifying_runs]
    return sorted([*_promotions(record), *requalifications, *searches], key=lambda measurement: measurement.at)


def in_use(record: RunRecord) -> Champion | None:
    """Return the champion that a run's study uses now, or None if the study has no champion.

    Raises:
        ChampionUnreadable: the file of a champion cannot be read.
    """
    if record.champions is None:
        return None
    champion = Champions(record.study, record.champions, "").current()
    return None if champion.file is None else champion


def _promotions(record: RunRecord) -> Iterator[Measurement]:
    """Yield the measurements in the files of the champions.

    A rollback measures nothing, and a starting prompt has no date. Both are left out.
    """
    assert record.champions is not None  # noqa: S101  # `history` has checked it
    for champion in Champions(record.study, record.champions, "").all():
        same_kind = (champion.rehearsal is None) == (record.rehearsal is None)
        if champion.score is None or champion.at is None or champion.restores is not None or not same_kind:
            continue
        yield Measurement(
            at=champion.at,
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
    """Yield the measurements of the requalifications of the study's champions."""
    for file in sorted((home / "requalified").glob("*/*.jsonl")):
        try:
            qualifications = Qualifications(file, record.rehearsal is not None).all()
        except UserError:
            # One damaged file does not hide the other measurements.
            continue
        for q in qualifications:
            if q.champions == record.champions and q.scores:
                yield _measured(q.mean, q.at, "requalification", q.champion, q.commit, q.decision, q.run)


def _searches(home: Path, record: RunRecord) -> Iterator[Measurement]:
    """Yield the confirmed scores of the prompts that the study's searches began with."""
    for path in sorted((home / "runs").glob("*/")):
        folder = RunFolder(path)
        try:
            other = folder.load(RunRecord)
            same_kind = (other.rehearsal is None) == (record.rehearsal is None)
            if not same_kind or (other.study, other.champions) != (record.study, record.champions):
                continue
            # The run's own report has the same mean with the same interval.
            mean = summarize(folder).baseline_score
        except UserError:
            continue
        if mean is not None:
            yield _measured(mean, other.started, "search", other.champion, other.commit, None, folder.name)


def _measured(
    mean: MeanScore,
    at: float,
    occasion: Occasion,
    champion: int | None,
    commit: str | None,
    decision: str | None,
    run: str | None,
) -> Measurement:
    """Return the measurement with this mean."""
    return Measurement(at, occasion, champion, commit, mean.score, mean.low, mean.high, mean.level, decision, run)
