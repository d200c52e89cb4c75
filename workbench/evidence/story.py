"""Writes the lines with which a run tells its story, for the log of its flow run."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.evidence.standings import Standings
from workbench.evidence.words import money, plural
from workbench.foreign_text import one_line
from workbench.nouns import replicate_name
from workbench.run.record import Phase, RunRecord, SearchResult, TrialRecord

#: Characters of a judge's reason in the line of a trial.
REASON_CHARACTERS = 160


@dataclass(frozen=True)
class Effort:
    """The time and the money that a trial's execution took.

    Attributes:
        seconds: the duration of the execution.
        cached: True if an earlier run had paid for the execution.
        dollars: what this run paid, or None if it paid nothing or the amount is not known.
    """

    seconds: float
    cached: bool
    dollars: float | None = None


def beginning(record: RunRecord) -> str:
    """Return the line with which a run begins."""
    return (
        f"Run {record.run_id} searches with {record.optimizer} for a better prompt than {_first_prompt(record)} "
        f"({record.baseline}): at most {plural(record.budget, 'execution')} on {plural(len(record.goals), 'goal')}, "
        f"then at most {plural(record.confirm, 'execution')} of each prompt on every goal to confirm the result."
    )


def requalifying(record: RunRecord) -> str:
    """Return the line with which a requalification begins."""
    return (
        f"Run {record.run_id} executes champion {record.champion} ({record.baseline}) on "
        f"{plural(record.confirm, 'fresh replicate')} of every goal."
    )


def trial_line(phase: Phase, trial: TrialRecord, effort: Effort | None) -> str:
    """Return the line of a trial. `effort` is None if nothing was executed for the trial."""
    number = replicate_name(trial.replicate)
    spent = "nothing executed"
    if effort is not None:
        amount = "" if effort.dollars is None else f", {money(effort.dollars)}"
        spent = f"{effort.seconds:.1f} s{', cached' if effort.cached else ''}{amount}"
    short = one_line(trial.reason, REASON_CHARACTERS)
    replicate = number if phase == "confirm" else f"replicate {number}"
    return f"{trial.candidate} · {trial.goal} · {replicate}: {trial.score:.1f} ({spent}). {short}"


def best_so_far(standings: Standings) -> str | None:
    """Return the words for the best candidate so far, or None if no candidate was tried on every goal."""
    leader = standings.leader
    return None if leader is None else f"Best so far: {leader[0]} with {leader[1]:.2f}"


def budget_left(record: RunRecord, spent: int) -> str:
    """Return the words for the executions that the search may still request."""
    return f"{max(0, record.budget - spent)} of {plural(record.budget, 'execution')} left"


def confirming(result: SearchResult, record: RunRecord) -> str:
    """Return the line with which the confirmation begins."""
    why = (
        "its budget is used up" if result.used_budget(record.budget) else f"{record.optimizer} had nothing more to try"
    )
    is_baseline = result.best == record.baseline
    compared = f"{_first_prompt(record)} only" if is_baseline else f"{record.baseline} and {result.best}"
    of_each = "" if is_baseline else " of each prompt"
    return (
        f"The search ended after {plural(result.spent, 'execution')}: {why}. "
        f"Confirming {compared} with at most {plural(record.confirm, 'fresh execution')}{of_each} on every goal."
    )


def _first_prompt(record: RunRecord) -> str:
    """Return the words for the prompt with which a run begins."""
    return f"champion {record.champion}" if record.champion else "the starting prompt"
