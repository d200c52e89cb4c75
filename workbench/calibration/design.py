"""Decides what a calibration measures: which texts the judge scores, how often, and how many plans are executed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.calibration.damage import DAMAGES, DEGREES
from workbench.calibration.probes import PROBES, with_probe
from workbench.nouns import Goal, Plan

#: The most goals that a calibration uses. These are the first goals of the study.
GOALS = 3
#: How many verdicts are asked for on an undamaged gold plan.
GOLD_REPEATS = 4
#: How many verdicts are asked for on a text with a probe, and on the same text without the probe.
PROBE_REPEATS = 3
#: How many verdicts are asked for on every other text.
REPEATS = 2
#: The fewest plans of the starting prompt that are executed. Each goal gets at least two.
PLANS = 4
#: The kind and degree of the damaged plans that get a probe. The score of an undamaged plan could hardly rise.
PROBED = (("dropped", DEGREES[1]), ("dropped", DEGREES[2]))


@dataclass(frozen=True)
class Text:
    """A text for the judge.

    Attributes:
        goal: the goal, as the judge of a search gets it.
        kind, degree: the kind and the degree of damage, as in `GroupRecord`.
        plan: the text, as a plan for this goal.
        repeats: how many verdicts are asked for.
    """

    goal: Goal
    kind: str
    degree: float
    plan: Plan
    repeats: int


@dataclass(frozen=True)
class Prices:
    """What an execution (`generator`) and a verdict (`judge`) cost, in `unit`. None if the cost is not known."""

    generator: float | None
    judge: float | None
    unit: str = "dollars"


def texts(goals: Sequence[Goal], *, probes: bool) -> Iterator[Text]:
    """Yield the gold plans of the first goals and their damaged versions. With `probes`, add versions with a probe."""
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
    """Yield the plans of the starting prompt that are executed, each as goal and replicate, within the budget.

    If the budget is too small for two plans on each goal, the first goals get all their plans before the others get
    any. The generator's noise can be measured only with two plans on one goal.
    """
    first_goals = goals[:GOALS]
    replicates = range(max(2, math.ceil(PLANS / len(first_goals))))
    if budget < 2 * len(first_goals):
        plans = [(goal, replicate) for goal in first_goals for replicate in replicates]
    else:
        plans = [(goal, replicate) for replicate in replicates for goal in first_goals]
    yield from plans[:budget]


def call_numbers(goals: Sequence[Goal], budget: int, *, probes: bool) -> tuple[int, int]:
    """Return how many executions and how many verdicts a calibration takes, with a budget in executions."""
    plans = len(list(executions(goals, budget)))
    return plans, sum(text.repeats for text in texts(goals, probes=probes)) + REPEATS * plans
