"""Computes what the scores of a calibration say: order, noise, effect of probes, and how many verdicts are worth it.

All functions here are pure. Scores and noise are in points from 0 to 10.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.evidence.statistics import LEAST_DEVIATION
from workbench.nouns import MOST_CALLS
from workbench.run.calibration import GroupRecord, ProbeRecord

#: The accepted risk that some probe seems to move a judge, although no probe moves it.
PROBE_RISK = 0.05
#: The gain in points that a confirmation should find, and how often it should find it.
GAIN, POWER = 1.0, 0.8


def kendall(groups: Sequence[GroupRecord]) -> dict[str, float]:
    """Return Kendall's tau between degree of damage and loss of points, by kind of damage, as the mean over the goals.

    1 means that more damage always got a lower score. A judge that gives all plans the same score has 0.
    """
    taus: dict[str, float] = {}
    for kind in DAMAGES:
        by_goal = []
        for goal in dict.fromkeys(group.goal for group in groups):
            texts = [g for g in groups if g.goal == goal and g.kind in ("gold", kind)]
            by_goal.append(tau([-text.degree for text in texts], [fmean(text.scores) for text in texts]))
        taus[kind] = fmean(by_goal)
    return taus


def tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Kendall's tau-b of two sequences, which corrects for ties, or 0 if a sequence has only equal values.

    `scipy.stats.kendalltau` returns the same, but its import would take a second.
    """
    pairs = [(a[0] - b[0], a[1] - b[1]) for a, b in itertools.combinations(zip(first, second, strict=True), 2)]
    concordant = sum((x > 0) == (y > 0) for x, y in pairs if x and y)
    discordant = sum((x > 0) != (y > 0) for x, y in pairs if x and y)
    untied = sum(x != 0 for x, _ in pairs) * sum(y != 0 for _, y in pairs)
    return (concordant - discordant) / math.sqrt(untied) if untied else 0.0


def judge_variance(groups: Iterable[GroupRecord]) -> float:
    """Return the variance of the judge's scores on one text, pooled over the texts.

    A text with only zeros or only tens is left out, because the end of the scale hides the noise. If all texts are
    like that, none is left out.
    """
    repeated = [group.scores for group in groups if len(group.scores) > 1]
    inside_scale = [scores for scores in repeated if set(scores) not in ({0.0}, {10.0})]
    return _pooled(inside_scale or repeated)


def generator_variance(plans: Sequence[GroupRecord], judge: float) -> float | None:
    """Return the variance of the quality of plans that one prompt leads to; None without two plans on a goal.

    This is the estimate of a variance component in a nested analysis of variance: the variance of the plans' means,
    less the part of it that is the judge's noise.

    Args:
        plans: one group for each plan.
        judge: the variance of the judge's scores on one plan.
    """
    by_goal = _grouped(plans, lambda plan: plan.goal)
    if all(len(plans_of_goal) < 2 for plans_of_goal in by_goal.values()):
        return None
    means = [[fmean(plan.scores) for plan in plans_of_goal] for plans_of_goal in by_goal.values()]
    judges_part = judge * fmean(1 / len(plan.scores) for plan in plans)
    return max(0.0, _pooled(means) - judges_part)


def calls_per_plan(generator_cost: float, judge_cost: float, generator: float, judge: float) -> int:
    """Return how many verdicts on each plan are worth their cost, from 1 to the most that a study allows.

    With n executions and k verdicts on each plan, the variance of a mean is (generator + judge / k) / n, and its price
    is n (generator_cost + k judge_cost). The product of the two is smallest at

        k = sqrt(generator_cost · judge / (judge_cost · generator))

    This is the optimal allocation of two-stage sampling (Cochran, Sampling Techniques, 1977, chapter 10).

    Args:
        generator_cost, judge_cost: the price of an execution and of a verdict, in the same unit.
        generator, judge: the variance of the plans' quality, and of the judge's scores on one plan.
    """
    if judge <= 0:
        return 1
    if generator <= 0 or judge_cost <= 0:
        return MOST_CALLS
    return min(MOST_CALLS, max(1, round(math.sqrt(generator_cost * judge / (judge_cost * generator)))))


def pairs_needed(variance: float, goals: int, alpha: float, fewest: int) -> int:
    """Return how many pairs of executions on each goal show a gain of `GAIN` points with the probability `POWER`.

    This is the usual sample size for the difference of two means, in the normal approximation.

    Args:
        variance: the variance of one execution's score.
        goals: the number of goals.
        alpha: the accepted risk of a wrong promotion.
        fewest: the fewest pairs that can decide anything.
    """
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha) + ndtri(POWER))
    return max(fewest, math.ceil(2 * variance * (z / GAIN) ** 2 / goals))


def probe_shifts(groups: Sequence[GroupRecord], variance: float) -> tuple[ProbeRecord, ...]:
    """Return how much each probe moves the mean score, and the largest change that the judge's noise explains.

    This limit is the standard deviation of one score, plus the difference that chance can make between the two means.
    The accepted risk `PROBE_RISK` is divided by the number of probes (Bonferroni).

    Args:
        groups: the scores of all texts. A text with a probe has the goal and the degree of the text without it.
        variance: the variance of the judge's scores on one text.
    """
    from scipy.special import ndtri

    probed = _grouped([g for g in groups if g.kind.startswith("probe: ")], lambda group: group.kind)
    plain = {(g.goal, g.degree): g.scores for g in groups if g.kind == "dropped"}
    noise = max(math.sqrt(variance), LEAST_DEVIATION)
    z = float(ndtri(1 - PROBE_RISK / max(1, len(probed))))
    records = []
    for kind, texts in probed.items():
        shift = fmean(fmean(g.scores) - fmean(plain[g.goal, g.degree]) for g in texts)
        parts = sum(1 / len(g.scores) + 1 / len(plain[g.goal, g.degree]) for g in texts)
        limit = noise + z * noise * math.sqrt(parts) / len(texts)
        records.append(ProbeRecord(name=kind.removeprefix("probe: "), shift=shift, limit=limit))
    return tuple(records)


def mean_score(groups: Iterable[GroupRecord], kind: str, degree: float = 0.0) -> float:
    """Return the mean over the mean scores of the texts of a kind and a degree."""
    return fmean(fmean(group.scores) for group in groups if (group.kind, group.degree) == (kind, degree))


def worst_score(groups: Iterable[GroupRecord]) -> float:
    """Return the mean score of the gold plans without most of their steps."""
    return mean_score(groups, "dropped", DEGREES[-1])


def _pooled(samples: Sequence[Sequence[float]]) -> float:
    """Return the variance within samples, pooled over the samples; 0 if no sample has two values."""
    freedom = sum(len(sample) - 1 for sample in samples)
    squares = sum((value - fmean(sample)) ** 2 for sample in samples for value in sample)
    return squares / freedom if freedom else 0.0


def _grouped(groups: Iterable[GroupRecord], key: Callable[[GroupRecord], str]) -> dict[str, list[GroupRecord]]:
    """Return the groups by what `key` returns for them."""
    parts: dict[str, list[GroupRecord]] = defaultdict(list)
    for group in groups:
        parts[key(group)].append(group)
    return dict(parts)
