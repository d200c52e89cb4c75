"""Tells a person whether the judge of a study is calibrated, and what a calibration takes."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench import providers
from workbench.calibration.calibrations import calibration_of
from workbench.calibration.design import Prices, call_numbers
from workbench.evidence.words import plural
from workbench.money.price import total
from workbench.nouns import Judge, Study
from workbench.study.estimate import Estimate, estimate


@dataclass(frozen=True)
class CalibrationEstimate:
    """The numbers of executions and verdicts that a calibration takes at most, and their cost in dollars.

    `dollars` is None if a price is not known.
    """

    executions: int
    verdicts: int
    dollars: float | None

    @property
    def text(self) -> str:
        money = "no estimate of the cost" if self.dollars is None else f"about ${self.dollars:.2f}"
        return f"{plural(self.executions, 'execution')} and {plural(self.verdicts, 'verdict')}, {money}"


def calibration_estimate(study: Study, home: Path, *, probes: bool = False) -> CalibrationEstimate:
    """Return what a calibration takes at most. It takes less if some of its answers are kept from earlier."""
    executions, verdicts = call_numbers(study.goals, study.budget, probes=probes)
    dollars_each = _dollars_each(estimate(study, home))
    proposals = executions if study.program == "writer" else 0
    calls = {"generator": executions, "judge": verdicts, "proposer": proposals}
    costs = [(number, dollars_each[role]) for role, number in calls.items() if number]
    dollars = total(None if each is None else number * each for number, each in costs)
    return CalibrationEstimate(executions, verdicts, dollars)


def prices_of(study: Study, home: Path) -> Prices:
    """Return what an execution and a verdict cost, measured in earlier runs or else assumed."""
    dollars_each = _dollars_each(estimate(study, home))
    return Prices(dollars_each["generator"], dollars_each["judge"])


def judge_of(study: Study, environ: Mapping[str, str]) -> Judge:
    """Return the judge of a study at the address of the real service."""
    model = study.judge
    provider = providers.real(environ)[model.provider].at(model.api_base)
    return Judge(model.name, provider, study.template, model.temperature, method=study.method, calls=study.calls)


def note(study: Study, home: Path, environ: Mapping[str, str]) -> str | None:
    """Return what a person should know about the judge before a run, or None if it is calibrated and good enough."""
    calibration = calibration_of(home, judge_of(study, environ), study.goals)
    if calibration is not None:
        faults = calibration.faults(study.passing, study.calls)
        return calibration.sentence(study.passing, study.calls) if faults else None
    price = calibration_estimate(study, home).text
    if study.calibrate == "before_first_run":
        return f"the first run calibrates the judge before it searches: {price}"
    command = f"workbench calibrate {shlex.quote(str(study.file))}"
    return f"the judge is not calibrated for these gold plans: {command} says whether it can be trusted ({price})"


def to_json(study: Study, home: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what `workbench check --json` says about the calibration."""
    calibration = calibration_of(home, judge_of(study, environ), study.goals)
    return {
        "calibrated": calibration is not None,
        "good_enough": None if calibration is None else not calibration.faults(study.passing, study.calls),
        "before_first_run": study.calibrate == "before_first_run",
        **asdict(calibration_estimate(study, home)),
    }


def _dollars_each(estimated: Estimate) -> dict[str, float | None]:
    """Return the estimated cost of one call in dollars, by role. None if the cost is not known."""
    return {role.role: role.dollars_each for role in estimated.roles}
