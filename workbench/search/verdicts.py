"""Asks for the verdicts on a plan, and combines them into one verdict."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from statistics import fmean

from workbench.nouns import KeyedVerdict, Plan, ScoreRequest, Verdict
from workbench.search.asker import Asker


def verdicts_on(asker: Asker, request: ScoreRequest, plan: Plan) -> tuple[KeyedVerdict, ...]:
    """Return the judge's verdicts on a plan: as many as `judge.calls` says.

    An invalid plan gets one verdict, because the judge's model is not called for it.
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
    """Return a verdict with the mean score, and with the reason and criteria of the verdict nearest to the mean.

    If several verdicts are equally near, the first counts.
    """
    mean = fmean(verdict.score for verdict in verdicts)
    nearest = min(verdicts, key=lambda verdict: abs(verdict.score - mean))
    return replace(nearest, score=mean)
