"""Describes the outcome of a search, and writes it into the run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from workbench.money.purse import purse_of
from workbench.run.record import Ending, SearchResult
from workbench.run.setting import Setting
from workbench.search.candidate import Candidate
from workbench.search.programs import Program
from workbench.search.trials import ScoredCandidate


@dataclass(frozen=True)
class SearchOutcome:
    """The outcome of a search.

    Attributes:
        baseline: the starting prompt.
        best: the best prompt, which is the starting prompt if the search found no better one.
        spent: how many different executions the search asked for.
        ended: what ended the search, "optimizer" or "budget".
        used_up: which part of the budget is used up, "executions" or "dollars". It counts only if `ended` is "budget".
    """

    baseline: ScoredCandidate
    best: ScoredCandidate
    spent: int
    ended: Ending
    used_up: Literal["executions", "dollars"] = "executions"

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return the baseline and the best prompt. They are equal if the search found no better prompt."""
        return (self.baseline.candidate, self.best.candidate)

    @property
    def names(self) -> tuple[str, str]:
        """Return the names of the baseline and the best prompt."""
        return (self.baseline.candidate.name, self.best.candidate.name)


def dollars_used_up(setting: Setting) -> bool:
    """Return True if the run's budget in dollars has refused a call since the search or the confirmation began."""
    run_purse = purse_of(setting.run.path)
    return run_purse is not None and run_purse.used_up


def write_outcome(setting: Setting, program: Program, outcome: SearchOutcome) -> None:
    """Write the best prompt as a text and as a program that DSPy can load. Write the outcome with its scores."""
    run, best = setting.run, outcome.best.candidate
    run.write("best_prompt.md", best.text)
    program.with_candidate(best).save(str(run.path / "program.json"))
    run.save(
        SearchResult(
            best=best.name,
            search_score=outcome.best.score,
            baseline_search_score=outcome.baseline.score,
            spent=outcome.spent,
            ended=outcome.ended,
            used_up=outcome.used_up,
        )
    )
