"""Says in sentences how a run stands: its result, a warning about it, and the mark of a rehearsal."""

from __future__ import annotations

from workbench.evidence.gate import MOST_PAIRS
from workbench.evidence.statistics import WORTHWHILE, Comparison
from workbench.evidence.summary import Summary
from workbench.evidence.words import money, plural
from workbench.run.record import RunRecord, SearchResult


def sentence(summary: Summary) -> str:
    """Return the state of a run, and its result if it has one, in a sentence or two."""
    comparison = summary.comparison
    if comparison is None:
        so_far = "" if summary.best_so_far is None else f", best so far {summary.best_so_far:.1f}"
        trials, most = len(summary.search), summary.record.budget
        if summary.only_measures:
            trials, most = len(summary.confirm), summary.record.confirm * len(summary.record.goals)
        done = f"{plural(trials, 'trial')} of at most {plural(most, 'execution')}"
        # A failure has a message of its own, which says what to do.
        advice = " Run the study again: nothing is paid for twice." if summary.status == "interrupted" else ""
        return f"{summary.status.capitalize()}: {done}{so_far}.{advice}"
    if summary.best == summary.baseline:
        champion = summary.record.champion
        first = f"Champion {champion}" if champion else "The starting prompt"
        score = _score(summary, summary.baseline, f"{comparison.decision.level:.0%} ")
        return f"{_why_only_the_first(summary)} {first} scores {score}."
    new, old = _score(summary, str(summary.best)), _score(summary, summary.baseline)
    return f"The new prompt scores {new}, the old one {old}. {_conclusion(summary, comparison)}"


def _conclusion(summary: Summary, comparison: Comparison) -> str:
    """Return the sentence that says what both scores mean, with the difference and its interval."""
    decision = comparison.decision
    gain = f"{decision.difference:+.2f}, {decision.level:.0%} {decision.low:.2f} to {decision.high:.2f}"
    match comparison.outcome:
        case "better":
            passes = "and it passes" if summary.passed else "but it does not pass"
            return f"The new prompt is better beyond chance ({gain}), {passes}."
        case "too small":
            return f"The new prompt is surely better, but by too little ({gain}): expected {WORTHWHILE} points or more."
        case "not sure":
            why = _more_pairs(summary, decision.more)
            return f"No better prompt found: not sure yet, the difference ({gain}) can be chance; {why}."
        case "not better":
            why = "it is surely worse" if decision.high < 0 else "it shows no gain"
            return f"No better prompt found: {why} ({gain})."


def _more_pairs(summary: Summary, more: int | None) -> str:
    """Say how many more pairs would decide, and whether the study can buy so many."""
    if more is None:
        return "more replicates would not decide it"
    sides = (summary.confirmed(candidate) for candidate in (summary.baseline, str(summary.best)))
    pairs = more + min(len(scores) for side in sides for scores in side.values())
    allowed = (
        f"set confirm to {pairs}" if pairs <= MOST_PAIRS else f"more than confirm may allow, which is {MOST_PAIRS}"
    )
    return f"about {plural(more, 'more replicate')} of both prompts would decide ({allowed})"


def _score(summary: Summary, candidate: str, level: str = "") -> str:
    """Return a candidate's confirmed score with its interval and the number of executions behind it.

    Args:
        level: the level of the interval, before it. By default, the sentence names the level later.
    """
    mean, executions = summary.mean_score(candidate), sum(map(len, summary.confirmed(candidate).values()))
    assert mean is not None  # noqa: S101  # a comparison has scores on every goal
    interval = "" if mean.low is None else f"{level}{mean.low:.1f} to {mean.high:.1f}, "
    return f"{mean.score:.2f} ({interval}{plural(executions, 'fresh execution')})"


def _why_only_the_first(summary: Summary) -> str:
    """Say why the run ended with the prompt that it began with."""
    if summary.only_measures:
        return "This run searched for no other prompt."
    standings = summary.standings
    if any(score > standings.get(summary.baseline, 10.0) for score in standings.values()):
        return "No better prompt found: what scored higher in the search is not expected to be better."
    if len({trial.candidate for trial in summary.search}) > 1:
        return "No better prompt found: no other prompt scored higher in the search."
    if summary.result is not None and summary.result.ended == "budget":
        return f"No other prompt was tried: the search's {used_up(summary.result, summary.record)} is used up."
    return f"{summary.record.if_nothing_tried or 'No other prompt was tried.'}"


def by_chance(summary: Summary) -> str | None:
    """Return a warning if the best prompt is not better beyond chance, or is better by too little."""
    if summary.comparison is None or summary.comparison.better:
        return None
    if summary.comparison.outcome == "too small":
        return f"this prompt is surely better than the baseline, but by less than {WORTHWHILE} points"
    return "this prompt is not better than the baseline beyond chance"


def used_up(result: SearchResult, record: RunRecord) -> str:
    """Return the words for the part of the budget that ended the search."""
    dollars = result.ended == "budget" and result.used_up == "dollars"
    return f"budget of {money(record.dollars or 0.0) if dollars else plural(record.budget, 'execution')}"


def rehearsal(label: str, real: str | None) -> str:
    """Return the sentence that marks a rehearsal.

    Args:
        label: the world and the seed, as `default:0`.
        real: the part that was real nevertheless, as the subject of a sentence.
    """
    world, _, seed = label.partition(":")
    rest = f"but {real} was real" if real else "no model was called"
    return f"REHEARSAL: scripted providers (world {world}, seed {seed}), {rest}"
