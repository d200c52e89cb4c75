"""Selects the parts of a run that every report for people shows: candidates, examples of verdicts, and the spend."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from workbench.evidence.summary import Summary
from workbench.run.record import TrialRecord

Mark = Literal["baseline", "best", "refused", ""]


@dataclass(frozen=True)
class CandidateRow:
    """A prompt that was tried on every goal: its mean score in the search, and the number of its trials there."""

    name: str
    score: float
    trials: int
    mark: Mark


@dataclass(frozen=True)
class SpendRow:
    """How many calls of one kind a run made, how many seconds they took, and what they cost in dollars.

    `seconds` and `dollars` are None where they make no sense, such as for failures.
    """

    what: str
    calls: int | None
    seconds: float | None = None
    dollars: float | None = None


def candidate_rows(summary: Summary) -> list[CandidateRow]:
    """Return the prompts that were tried on every goal, the best first."""
    ranked = sorted(summary.standings.items(), key=lambda item: -item[1])
    trials = Counter(trial.candidate for trial in summary.search)
    return [CandidateRow(name, score, trials[name], _mark(summary, name)) for name, score in ranked]


def _mark(summary: Summary, name: str) -> Mark:
    if name == summary.baseline:
        return "baseline"
    if name == summary.best:
        return "best"
    return "refused" if name in summary.leaks else ""


def no_candidates(summary: Summary) -> str:
    """Say why the list of candidates is empty."""
    return "This run did not search." if summary.only_measures else "No candidate has been tried on every goal yet."


def why_one_prompt(summary: Summary) -> str:
    """Say why a report shows a single prompt, which is the baseline."""
    if summary.only_measures:
        return "This run only measures the prompt in use:"
    if summary.result is not None:
        return "The search kept the baseline:"
    return "No other prompt has been tried on every goal yet. The baseline is:"


def examples(summary: Summary) -> dict[str, TrialRecord]:
    """Return the trials whose verdicts a report quotes, by a description of their prompt.

    These are the last trial of the best prompt, unless it is the baseline, and the first trial of the baseline.
    Before there is a result, the last trial of all is there, too.
    """
    trials: dict[str, TrialRecord] = {}
    for trial in summary.trials:
        if trial.candidate == summary.best != summary.baseline:
            trials["the best prompt"] = trial
        if trial.candidate == summary.baseline:
            trials.setdefault("the baseline", trial)
    if summary.comparison is None and summary.trials:
        trials["the last prompt that was tried"] = summary.trials[-1]
    return trials


def spend_rows(summary: Summary) -> list[SpendRow]:
    """Return what the run bought, by kind of call. The last row is the sum, with the wall time."""
    by_role, seconds = summary.costs.by_role, summary.spent
    return [
        SpendRow("executions", summary.executions, seconds.get("execute", 0), by_role["generator"]),
        SpendRow("saved by the cache", summary.cache_hits),
        SpendRow("proposals", summary.proposals, seconds.get("propose", 0), by_role["proposer"]),
        SpendRow("verdicts", summary.verdicts, seconds.get("score", 0), by_role["judge"]),
        *(SpendRow(f"failures: {kind}", count) for kind, count in sorted(summary.failures.items())),
        SpendRow("all", None, summary.seconds, summary.costs.dollars),
    ]
