"""Decides what a calibration measures: which texts the judge scores, how often, and how many plans are executed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.calibration.probes import PROBES, with_probe
from workbench.nouns import Goal, Plan

#: A calibration uses the gold plans of so many goals: the first goals of the study.
GOALS = 3
#: How many verdicts are asked for on each text, on an undamaged gold plan, and on a text with a probe. The text
#: without the probe gets as many as the text with it.
REPEATS, GOLD_REPEATS, PROBE_REPEATS = 2, 4, 3
#: How many plans of the starting prompt are executed, but at least two for each goal.
PLANS = 4
#: The damaged plans that get a probe. The score of a good plan could hardly rise.
PROBED = (("dropped", DEGREES[1]), ("dropped", DEGREES[2]))


@dataclass(frozen=True)
class Text:
    """A text for the judge.

    Attributes:
        kind, degree: the kind and the degree of damage, as in `GroupRecord`.
        repeats: how many verdicts are asked for.
    """

    goal: Goal
    kind: str
    degree: float
    plan: Plan
    repeats: int


@dataclass(frozen=True)
class Prices:
    """What an execution and a verdict cost, in `unit`. None if that is not known."""

    generator: float | None
    judge: float | None
    unit: str = "dollars"


def texts(goals: Sequence[Goal], *, probes: bool) -> Iterator[Text]:
    """Yield the gold plans of the first goals, damaged versions, and with `probes` versions that address the judge."""
    for goal in goals[:GOALS]:
        gold = goal.gold[0]
        yield Text(goal, "gold", 0.0, Plan(gold), GOLD_REPEATS)
        for kind, damage in DAMAGES.items():
            for degree in DEGREES:
                repeats = PROBE_REPEATS if probes and (kind, degree) in PROBED else REPEATS
                yield Text(goal, kind, degree, Plan(damage(gold, degree)), repeats)
        for probe in PROBES if probes else ():
            for kind, degree in PROBED:
                text = with_probe(DAMAGES[kind](gold, degree), probe)
                yield Text(goal, f"probe: {probe}", degree, Plan(text), PROBE_REPEATS)


def executions(goals: Sequence[Goal], budget: int) -> Iterator[tuple[Goal, int]]:
    """Yield the plans of the starting prompt that are executed, each as goal and replicate.

    A small budget leaves out the last replicates. The generator's noise needs two plans on one goal.
    """
    used = goals[:GOALS]
    replicates = range(max(2, math.ceil(PLANS / len(used))))
    if budget < 2 * len(used):
        plans = [(goal, replicate) for goal in used for replicate in replicates]
    else:
        plans = [(goal, replicate) for replicate in replicates for goal in used]
    yield from plans[:budget]


def numbers(goals: Sequence[Goal], budget: int, *, probes: bool) -> tuple[int, int]:
    """Return how many executions and how many verdicts a calibration takes, with a budget in executions."""
    plans = len(list(executions(goals, budget)))
    return plans, sum(text.repeats for text in texts(goals, probes=probes)) + REPEATS * plans
