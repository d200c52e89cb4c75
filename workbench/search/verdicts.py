"""Asks for the verdicts on a plan, and makes one verdict of them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import fmean

from workbench.nouns import KeyedVerdict, Plan, ScoreRequest, Verdict
from workbench.search.asker import Asker


def verdicts_on(asker: Asker, request: ScoreRequest, plan: Plan) -> tuple[KeyedVerdict, ...]:
    """Return the judge's verdicts on a plan: as many as the study wants for each plan.

    A text that is no plan has one verdict, because the judge is not asked.
    """
    calls = request.judge.calls if plan.ok else 1
    if calls == 1:
        return (KeyedVerdict(request.key(plan), asker.verdict(request, plan)),)
    requests = [replace(request, repeat=number) for number in range(calls)]
    with ThreadPoolExecutor(calls) as pool:
        verdicts = pool.map(lambda repeated: asker.verdict(repeated, plan), requests)
        keys = [repeated.key(plan) for repeated in requests]
        return tuple(KeyedVerdict(key, verdict) for key, verdict in zip(keys, verdicts, strict=True))


def mean_verdict(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the mean score, with reason and criteria of the verdict that is nearest to it, of equal ones the first."""
    mean = fmean(verdict.score for verdict in verdicts)
    nearest = min(verdicts, key=lambda verdict: abs(verdict.score - mean))
    return replace(nearest, score=mean)
