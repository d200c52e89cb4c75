"""Gathers everything that the page of a run shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.champion.champion import Champion
from workbench.champion.history import Measurement, history, in_use
from workbench.evidence.criteria import CriterionAnswers, CriterionMet, best_answers, criteria_met
from workbench.evidence.report_parts import (
    CandidateRow,
    SpendRow,
    candidate_rows,
    examples,
    no_candidates,
    spend_rows,
    why_one_prompt,
)
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.sentence import rehearsal, sentence
from workbench.evidence.statistics import MeanScore
from workbench.evidence.summary import Summary, summarize
from workbench.page.prompts import DiffRow, diff_rows
from workbench.run.folder import RunFolder
from workbench.run.record import TrialRecord


@dataclass(frozen=True)
class Side:
    """One of the two prompts that the run compared: the prompt that it began with, or the best prompt.

    Attributes:
        confirmed: the scores on fresh replicates, in the order of the goals.
        mean: their mean, or None before the confirmation.
    """

    name: str
    text: str
    confirmed: tuple[float, ...]
    mean: MeanScore | None


@dataclass(frozen=True)
class Content:
    """What the page of a run shows.

    Attributes:
        best: the best prompt; None if it is the baseline, or if there is none yet.
        prompts: the texts of all candidates, by name.
        examples: trials whose reasons are shown first, by a description of their prompt.
        history: the scores of the prompt in use over time and commits.
        in_use: the champion that is in use now; None for a study without a champion.
        criteria: how well the plans of both prompts meet each criterion; empty if the judge has no rubric.
        answers: the judge's answers to the criteria for the best prompt's plans.
    """

    summary: Summary
    first: Side
    best: Side | None
    diff: tuple[DiffRow, ...]
    candidates: tuple[CandidateRow, ...]
    prompts: dict[str, str]
    examples: dict[str, TrialRecord]
    spend: tuple[SpendRow, ...]
    history: tuple[Measurement, ...]
    in_use: Champion | None
    criteria: tuple[CriterionMet, ...]
    answers: tuple[CriterionAnswers, ...]

    @classmethod
    def of(cls, home: Path, run: RunFolder) -> Content:
        """Return the content of a run's page, as the run stands now.

        Raises:
            RunNotFound, RunTooNew, ChampionUnreadable: a file cannot be read.
        """
        summary = summarize(run)
        first = _side(summary, summary.baseline)
        best = None if summary.best in (None, summary.baseline) else _side(summary, str(summary.best))
        candidates = tuple(candidate_rows(summary))
        names = {*(row.name for row in candidates), *summary.leaks}
        return cls(
            summary=summary,
            first=first,
            best=best,
            diff=tuple(diff_rows(first.text, best.text)) if best else (),
            candidates=candidates,
            prompts={name: summary.text(name) for name in sorted(names)},
            examples=examples(summary),
            spend=tuple(spend_rows(summary)),
            history=tuple(history(home, summary.record)),
            in_use=in_use(summary.record),
            criteria=tuple(criteria_met(summary)),
            answers=tuple(best_answers(summary)),
        )

    @property
    def sentence(self) -> str:
        """Return the state and the result of the run in words."""
        return sentence(self.summary)

    @property
    def why_one_prompt(self) -> str:
        """Return why the page shows a single prompt. It is shown if there is no other."""
        return why_one_prompt(self.summary)

    @property
    def no_candidates(self) -> str:
        """Return why the list of candidates is empty. It is shown if the list is."""
        return no_candidates(self.summary)

    @property
    def rehearsal(self) -> str | None:
        """Return the sentence that marks a rehearsal, or None."""
        summary = self.summary
        return rehearsal(summary.rehearsal, summary.real_in_rehearsal) if summary.rehearsal else None

    def to_json(self) -> dict[str, Any]:
        """Return the data of the page. `report` is what `workbench show --json` writes."""
        summary = self.summary
        return {
            "report": ReportRecord.of(summary).to_json(),
            "sentence": self.sentence,
            "promotion": summary.promotion,
            "first": asdict(self.first),
            "best": asdict(self.best) if self.best else None,
            "diff": [{"first": row.first, "best": row.best} for row in self.diff],
            "candidates": [asdict(row) for row in self.candidates],
            "prompts": self.prompts,
            "race": summary.race.to_json() if summary.race else None,
            "trials": [trial.to_json() for trial in summary.trials],
            "spend": [asdict(row) for row in self.spend],
            "history": [measurement.to_json() for measurement in self.history],
            "run": summary.record.to_json(),
        }


def _side(summary: Summary, candidate: str) -> Side:
    confirmed = tuple(score for values in summary.confirmed(candidate).values() for score in values)
    return Side(candidate, summary.text(candidate), confirmed, summary.mean_score(candidate))
