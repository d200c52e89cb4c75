"""Compares the baseline of a run with its best prompt, by the scores of the confirming trials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count, takewhile
from pathlib import Path

from workbench.evidence.gate import stages
from workbench.evidence.statistics import Comparison, compare, compare_in_steps, compare_with_itself
from workbench.nouns import FIRST_CONFIRM_REPLICATE, FIRST_REQUALIFY_REPLICATE
from workbench.run.folder import RunFolder
from workbench.run.record import RunRecord, SearchResult, TrialRecord
from workbench.scoring import Length, word_count


@dataclass(frozen=True)
class PromptLength:
    """The words of a prompt, and the points that it loses for them."""

    words: int
    penalty: float


def comparison_of(
    run: RunFolder, record: RunRecord, result: SearchResult | None, trials: tuple[TrialRecord, ...]
) -> Comparison | None:
    """Return the comparison of baseline and best, or None while the gate needs more confirming trials.

    The decision is about the judge's scores minus what each prompt loses for its length. The two means are of the
    judge's scores alone.
    """
    if result is None:
        return None
    baseline, best = (confirmed_scores(trials, record, candidate) for candidate in (record.baseline, result.best))
    needed = record.confirm if record.alpha is None else stages(record.confirm, record.alpha)[0]
    if any(len(scores) < needed for side in (baseline, best) for scores in side.values()):
        return None
    if record.baseline == result.best:
        # There is nothing to decide. The first stage gives the score.
        return compare_with_itself(baseline) if record.alpha is None else compare_with_itself(baseline, record.alpha)
    penalties = [prompt_length(run.path, record, candidate).penalty for candidate in (record.baseline, result.best)]
    sides = [_reduced(scores, points) for scores, points in zip((baseline, best), penalties, strict=True)]
    if record.alpha is None:
        comparison: Comparison | None = compare(*sides)
    else:
        comparison = compare_in_steps(*sides, pairs=record.confirm, alpha=record.alpha)
    if comparison is None:
        return None
    return replace(comparison, baseline=comparison.baseline + penalties[0], best=comparison.best + penalties[1])


def _reduced(scores: dict[str, list[float]], points: float) -> dict[str, list[float]]:
    """Return the scores, each minus this many points."""
    return {goal: [score - points for score in goal_scores] for goal, goal_scores in scores.items()}


def prompt_length(run: Path, record: RunRecord, candidate: str) -> PromptLength:
    """Return the length of a candidate's prompt, and what the candidate loses for it."""
    text = RunFolder(run).prompt(candidate)
    limit = record.length
    penalty = 0.0 if limit is None else Length(limit.free, limit.per_100_words).penalty(text)
    return PromptLength(word_count(text), penalty)


def confirmed_scores(trials: Iterable[TrialRecord], record: RunRecord, candidate: str) -> dict[str, list[float]]:
    """Return a candidate's confirming scores by goal, in the order of the replicates up to the first without a verdict.

    While a run goes on, a later replicate may have its verdict before an earlier one.
    """
    confirming = [trial for trial in trials if trial.phase == "confirm" and trial.candidate == candidate]
    # A requalification and a confirmation number their replicates from different first numbers. Old runs began with 0.
    largest = max((trial.replicate for trial in confirming), default=0)
    first = next(number for number in (FIRST_REQUALIFY_REPLICATE, FIRST_CONFIRM_REPLICATE, 0) if largest >= number)
    scores: dict[str, list[float]] = {}
    for goal in record.goals:
        by_replicate = {trial.replicate - first: trial.score for trial in confirming if trial.goal == goal.name}
        unbroken = takewhile(by_replicate.__contains__, count())
        scores[goal.name] = [by_replicate[replicate] for replicate in unbroken]
    return scores
