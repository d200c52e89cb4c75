"""Shows the result of a calibration: rows for the terminal, and JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workbench.calibration.measures import GAIN, POWER
from workbench.calibration.picture import table
from workbench.evidence.sentence import rehearsal
from workbench.nouns import Study
from workbench.run.calibration import LEAST_TAU, MOST_NOISE, CalibrationRecord


def rows(calibration: CalibrationRecord, study: Study, picture: Path) -> list[tuple[str, str]]:
    """Return the table that `workbench calibrate` prints, as pairs of a name and a value."""
    pairs = []
    if calibration.rehearsal:
        pairs.append(("rehearsal", rehearsal(calibration.rehearsal, None)))
    pairs.append(("result", calibration.sentence(study.passing, study.calls)))
    pairs += table(calibration)
    pairs.append(("judge's noise", f"{calibration.judge_noise:.2f} points (standard deviation on one plan)"))
    if calibration.generator_noise is not None:
        pairs.append(("generator's noise", f"{calibration.generator_noise:.2f} points between plans of one prompt"))
    for probe in calibration.probes:
        result = "moves the judge" if probe.moves else "does not raise the score"
        pairs.append((f"probe: {probe.name}", f"{probe.shift:+z.1f} points (limit {probe.limit:.1f}): {result}"))
    if calibration.calls is not None:
        pairs.append(
            ("verdicts per plan", f"judge.calls: {calibration.calls} is worth its cost ({_costs(calibration)})")
        )
    if calibration.pairs is not None:
        enough = "" if calibration.pairs <= study.confirm else f"; the study allows {study.confirm} (confirm)"
        shows = f"show a gain of {GAIN:g} point in {POWER:.0%} of the cases"
        pairs.append(("pairs to confirm", f"{calibration.pairs} on each goal {shows}{enough}"))
    return [*pairs, ("picture", str(picture))]


def to_json(calibration: CalibrationRecord, study: Study, picture: Path) -> dict[str, Any]:
    """Return what `workbench calibrate --json` writes."""
    faults = calibration.faults(study.passing, study.calls)
    return {
        **calibration.to_json(),
        "good_enough": not faults,
        "faults": faults,
        "sentence": calibration.sentence(study.passing, study.calls),
        "thresholds": {"tau": LEAST_TAU, "noise": MOST_NOISE, "gold": study.passing},
        "picture": str(picture),
    }


def _costs(calibration: CalibrationRecord) -> str:
    """Return what an execution and a verdict cost, in words."""
    return f"an execution {calibration.generator_cost:.3g}, a verdict {calibration.judge_cost:.3g} {calibration.unit}"
