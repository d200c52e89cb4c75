"""Keeps calibrations under WORKBENCH_HOME: one folder for each judge with the gold plans that it was calibrated for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from workbench.errors import UserError
from workbench.nouns import Goal, Judge
from workbench.providers import digest
from workbench.run.calibration import PICTURE, CalibrationRecord
from workbench.run.folder import CALIBRATED, RunFolder


def key_of(judge: Judge, goals: Sequence[Goal]) -> str:
    """Return a hash of everything that a calibration depends on, except the plans of the starting prompt."""
    criteria = [part for goal in goals for c in goal.criteria for part in (c.name, c.question, str(c.weight))]
    texts = [part for goal in goals for part in (goal.text, *goal.gold, "")]
    settings = [judge.provider.label, judge.model, str(judge.temperature), judge.template, judge.method]
    return digest("calibration/1", *settings, *texts, *criteria)


def folder_of(home: Path, judge: Judge, goals: Sequence[Goal]) -> RunFolder:
    """Return the folder of a calibration. It has those files of a run's folder that a calibration needs."""
    return RunFolder(home / CALIBRATED / key_of(judge, goals)[:24])


def calibration_of(home: Path, judge: Judge, goals: Sequence[Goal]) -> CalibrationRecord | None:
    """Return the kept calibration of a judge for these gold plans. If none can be read, return None."""
    folder = folder_of(home, judge, goals)
    try:
        return folder.load(CalibrationRecord) if folder.has(CalibrationRecord) else None
    except UserError:
        return None


def keep(home: Path, judge: Judge, goals: Sequence[Goal], calibration: CalibrationRecord, picture: str) -> Path:
    """Write a calibration and its picture, and return the picture's file."""
    folder = folder_of(home, judge, goals)
    folder.save(calibration)
    return folder.write(PICTURE, picture)
