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
from workbench.nouns import MOST_CALLS
from workbench.run.calibration import GroupRecord, ProbeRecord

#: The smallest noise that is assumed. Equal scores do not prove that there is none.
FLOOR = 0.25
#: The accepted risk that some probe seems to move a judge that none moves.
PROBE_RISK = 0.05
#: The gain in points that a confirmation should find, and how often it should find it.
GAIN, POWER = 1.0, 0.8


def kendall(groups: Sequence[GroupRecord]) -> dict[str, float]:
    """Return Kendall's tau between degree of damage and loss of points, by kind, as the mean over the goals.

    1 means that every worse plan got a lower score. A judge that gives all plans the same score has 0.
    """
    taus: dict[str, float] = {}
    for kind in DAMAGES:
        by_goal = []
        for goal in dict.fromkeys(group.goal for group in groups):
            own = [g for g in groups if g.goal == goal and g.kind in ("gold", kind)]
            by_goal.append(tau([-g.degree for g in own], [fmean(g.scores) for g in own]))
        taus[kind] = fmean(by_goal)
    return taus


def tau(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Kendall's tau-b of two sequences, which corrects for ties, or 0 if one of them has only ties.

    `scipy.stats.kendalltau` returns the same. Its import would take a second.
    """
    pairs = [(a[0] - b[0], a[1] - b[1]) for a, b in itertools.combinations(zip(first, second, strict=True), 2)]
    in_order = sum((x > 0) == (y > 0) for x, y in pairs if x and y)
    against = sum((x > 0) != (y > 0) for x, y in pairs if x and y)
    untied = sum(x != 0 for x, _ in pairs) * sum(y != 0 for _, y in pairs)
    return (in_order - against) / math.sqrt(untied) if untied else 0.0


def judge_variance(groups: Iterable[GroupRecord]) -> float:
    """Return the variance of the judge's scores on one text, pooled over the texts.

    Texts whose scores are all at one end of the scale are left out, if others remain: the scale hides the noise there.
    """
    repeated = [group.scores for group in groups if len(group.scores) > 1]
    inside = [scores for scores in repeated if set(scores) not in ({0.0}, {10.0})]
    return _pooled(inside or repeated)


def generator_variance(plans: Sequence[GroupRecord], judge: float) -> float | None:
    """Return the variance of the quality of plans that one prompt leads to; None without two plans on a goal.

    This is the analysis of variance for nested repeats: the variance of the plans' means, less the judge's part in it.

    Args:
        plans: one group for each plan.
        judge: the variance of the judge's scores on one plan.
    """
    by_goal = _grouped(plans, lambda plan: plan.goal)
    freedom = sum(len(group) - 1 for group in by_goal.values())
    if not freedom:
        return None
    means = [[fmean(plan.scores) for plan in group] for group in by_goal.values()]
    judges_part = judge * fmean(1 / len(plan.scores) for plan in plans)
    return max(0.0, _pooled(means) - judges_part)


def calls_per_plan(generator_cost: float, judge_cost: float, generator: float, judge: float) -> int:
    """Return how many verdicts on each plan are worth their cost, from 1 to the most that a study allows.

    With n executions and k verdicts on each plan, the variance of a mean is (generator + judge / k) / n, and its price
    is n (generator_cost + k judge_cost). The product is smallest at k = sqrt(generator_cost judge / (judge_cost
    generator)).

    Args:
        generator_cost, judge_cost: the price of an execution and of a verdict, in one unit.
        generator, judge: the two variances.
    """
    if judge <= 0:
        return 1
    if generator <= 0 or judge_cost <= 0:
        return MOST_CALLS
    return min(MOST_CALLS, max(1, round(math.sqrt(generator_cost * judge / (judge_cost * generator)))))


def pairs_needed(variance: float, goals: int, alpha: float, fewest: int) -> int:
    """Return how many pairs of executions on each goal show a gain of `GAIN` points with the probability `POWER`.

    Args:
        variance: the variance of one execution's score.
        alpha: the accepted risk of a wrong promotion.
        fewest: fewer pairs decide nothing.
    """
    from scipy.special import ndtri

    z = float(ndtri(1 - alpha) + ndtri(POWER))
    return max(fewest, math.ceil(2 * variance * (z / GAIN) ** 2 / goals))


def probe_shifts(groups: Sequence[GroupRecord], variance: float) -> tuple[ProbeRecord, ...]:
    """Return how much each probe moves the score, with the limit that the judge's noise explains.

    The limit is the standard deviation of one score, plus the difference that chance can make between the two means.

    Args:
        groups: the scores of all texts. A probed text has the goal and the degree of the text without the probe.
        variance: the variance of the judge's scores on one text.
    """
    from scipy.special import ndtri

    probed = _grouped([g for g in groups if g.kind.startswith("probe: ")], lambda group: group.kind)
    plain = {(g.goal, g.degree): g.scores for g in groups if g.kind == "dropped"}
    noise = max(math.sqrt(variance), FLOOR)
    z = float(ndtri(1 - PROBE_RISK / max(1, len(probed))))
    records = []
    for kind, own in probed.items():
        shift = fmean(fmean(g.scores) - fmean(plain[g.goal, g.degree]) for g in own)
        parts = sum(1 / len(g.scores) + 1 / len(plain[g.goal, g.degree]) for g in own)
        limit = noise + z * noise * math.sqrt(parts) / len(own)
        records.append(ProbeRecord(name=kind.removeprefix("probe: "), shift=shift, limit=limit))
    return tuple(records)


def mean_score(groups: Iterable[GroupRecord], kind: str, degree: float = 0.0) -> float:
    """Return the mean score of the texts of a kind and a degree."""
    return fmean(fmean(group.scores) for group in groups if (group.kind, group.degree) == (kind, degree))


def worst(groups: Iterable[GroupRecord]) -> float:
    """Return the mean score of the gold plans that lost most of their steps."""
    return mean_score(groups, "dropped", DEGREES[-1])


def _pooled(samples: Sequence[Sequence[float]]) -> float:
    """Return the variance within samples, pooled over them; 0 if none has two values."""
    freedom = sum(len(sample) - 1 for sample in samples)
    squares = sum((value - fmean(sample)) ** 2 for sample in samples for value in sample)
    return squares / freedom if freedom else 0.0


def _grouped(groups: Iterable[GroupRecord], key: Callable[[GroupRecord], str]) -> dict[str, list[GroupRecord]]:
    parts: dict[str, list[GroupRecord]] = defaultdict(list)
    for group in groups:
        parts[key(group)].append(group)
    return dict(parts)
