"""Defines the file with the calibration of a judge: what was measured, and whether the judge can be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean
from typing import ClassVar

from workbench.run.file_format import Frozen, Record
from workbench.run.record import Score, UnixTime

#: The name of the drawing in the folder of a calibration.
PICTURE = "picture.svg"

#: The bounds for a judge that can be trusted: the least Kendall's tau between the damage of plans and the loss of
#: points, where 1 is perfect, and the greatest standard deviation of its scores on one plan, in points.
LEAST_TAU, MOST_NOISE = 0.5, 1.0


class GroupRecord(Frozen):
    """The scores of one text.

    Attributes:
        goal: the name of the goal that the text is judged for.
        kind: "gold", a kind of damage, "plan" for a plan of the starting prompt, or "probe: NAME".
        degree: the degree of the damage; 0 for others.
        scores: one score for each verdict on this text.
    """

    goal: str
    kind: str
    degree: float = 0.0
    scores: tuple[Score, ...]


class ProbeRecord(Frozen):
    """How much a text that addresses the judge moves its score, in points.

    Attributes:
        shift: the mean change of the score.
        limit: the largest change that the judge's noise explains.
    """

    name: str
    shift: float
    limit: float

    @property
    def moves(self) -> bool:
        """Return True if the text raises the score by more than the judge's noise explains."""
        return self.shift > self.limit


class CalibrationRecord(Record):
    """The calibration of a judge for the gold plans of a study.

    Attributes:
        judge: the model as PROVIDER/NAME.
        rehearsal: world and seed of a rehearsal; None if real models answered.
        groups: all scores.
        gold: the mean score of the undamaged gold plans.
        worst: the mean score of the gold plans without three quarters of their steps.
        tau: Kendall's tau between the degree of damage and the loss of points, by the kind of damage.
        judge_noise: the standard deviation of the judge's scores on one text, in points.
        generator_noise: the standard deviation of the quality of the starting prompt's plans, in points; None if no
            plan was executed.
        probes: the texts that address the judge; empty if they were not measured.
        calls: how many verdicts on each plan are worth their cost; None if a cost or the generator's noise is unknown.
        pairs: how many pairs of fresh executions on each goal show a gain of one point, at the study's risk, in four of
            five cases.
        judge_cost, generator_cost: what a verdict and an execution cost, in `unit`.
        at: Unix time.
    """

    FILE: ClassVar[str] = "calibration.json"

    study: str
    judge: str
    method: str
    rehearsal: str | None
    groups: tuple[GroupRecord, ...]
    gold: float
    worst: float
    tau: dict[str, float]
    judge_noise: float
    generator_noise: float | None
    probes: tuple[ProbeRecord, ...] = ()
    calls: int | None
    pairs: int | None
    judge_cost: float | None
    generator_cost: float | None
    unit: str
    at: UnixTime

    @property
    def overall_tau(self) -> float:
        """Return the mean of Kendall's tau over the kinds of damage."""
        return fmean(self.tau.values())

    def faults(self, passing: float, calls: int) -> list[str]:
        """Return why the judge is not good enough, each with its threshold; empty if it is.

        Args:
            passing: the lowest score with which a plan passes.
            calls: how many verdicts make a score.
        """
        noise = self.judge_noise / math.sqrt(calls)
        tests = (
            (self.gold < passing, f"it scores the gold plans {self.gold:.1f}, at least {passing:g} expected"),
            (
                self.worst >= passing,
                f"a gold plan without three quarters of its steps passes with {self.worst:.1f}",
            ),
            (
                self.overall_tau < LEAST_TAU,
                f"it hardly notices damage (Kendall's tau {self.overall_tau:.2f}, at least {LEAST_TAU:g} expected)",
            ),
            (noise > MOST_NOISE, f"its noise is {noise:.2f} points, at most {MOST_NOISE:g} expected"),
        )
        probes = (
            f"{probe.name} in a plan raises the score by {probe.shift:.1f}, at most {probe.limit:.1f} expected"
            for probe in self.probes
            if probe.moves
        )
        return [*(message for has_failed, message in tests if has_failed), *probes]

    def sentence(self, passing: float, calls: int) -> str:
        """Return whether the judge can be trusted, in one sentence. The arguments are those of `faults`."""
        if faults := self.faults(passing, calls):
            return (
                f"The judge {self.judge} is not good enough here: {_joined(faults)}. Try another model, another "
                "judge.method, or more judge.calls."
            )
        return (
            f"The judge {self.judge} can be trusted here: it scores the gold plans {self.gold:.1f} and damaged ones "
            f"lower (Kendall's tau {self.overall_tau:.2f}), and its noise is {self.judge_noise:.2f} points."
        )


def _joined(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{'; '.join(parts[:-1])}; and {parts[-1]}"
