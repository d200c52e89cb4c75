"""Says whether the judge of a run can be trusted: the newest calibration of this judge, or how to calibrate it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from workbench.errors import UserError
from workbench.evidence.words import money
from workbench.run.calibration import PICTURE, CalibrationRecord
from workbench.run.folder import CALIBRATED, RunFolder
from workbench.run.record import RunRecord


@dataclass(frozen=True)
class Trust:
    """What is known about the judge of a run.

    Attributes:
        calibration: the newest calibration of the judge for the gold plans of the run; None if there is none.
        picture: the file with the drawing of this calibration, or None.
        sentence: whether the judge can be trusted, or how to find out. None if nothing can be said: in a rehearsal
            without a calibration, and in a run of an old version.
        command: the command that calibrates the judge; None if it is calibrated, or if nothing can be said.
        dollars: what the command was estimated to cost when the run began; None if that is not known.
    """

    calibration: CalibrationRecord | None = None
    picture: Path | None = None
    sentence: str | None = None
    command: str | None = None
    dollars: float | None = None

    @property
    def image(self) -> str | None:
        """Return the drawing of the calibration as SVG, or None if its file cannot be read."""
        if self.picture is None:
            return None
        try:
            return RunFolder(self.picture.parent).read(self.picture.name)
        except UserError:
            return None


def trust(run: RunFolder, record: RunRecord) -> Trust:
    """Return what is known about the judge of a run now. A calibration that was made after the run counts, too."""
    folder = None if record.calibration is None else RunFolder(run.path.parents[1] / CALIBRATED / record.calibration)
    newest = max(filter(None, map(_calibration, (run, folder))), key=lambda calibration: calibration.at, default=None)
    if newest is not None:
        picture = None if folder is None or not (folder.path / PICTURE).exists() else folder.path / PICTURE
        return Trust(newest, picture, newest.sentence(record.passing, record.calls))
    if record.calibration is None or record.rehearsal is not None:
        return Trust()
    command = f"workbench calibrate {study_argument(record)}"
    dollars = record.calibration_dollars
    cost = "" if dollars is None else f"; that costs about {money(dollars)}"
    sentence = f"The judge is not calibrated. To measure whether it can be trusted, run {command}{cost}."
    return Trust(sentence=sentence, command=command, dollars=dollars)


def study_argument(record: RunRecord) -> str:
    """Return the study file of a run as an argument of a command, or the word STUDY if the file is not there.

    The file may be missing if the study's repository has a URL: the path of the user's own clone is not known here.
    """
    study = record.own_study_file
    return shlex.quote(str(study)) if study.exists() else "STUDY"


def promotion_command(record: RunRecord, run: str) -> str:
    """Return the command that promotes the best prompt of a run."""
    return f"workbench champion promote {study_argument(record)} {run}"


def _calibration(folder: RunFolder | None) -> CalibrationRecord | None:
    """Return the calibration in a folder, or None if the folder has no readable calibration."""
    if folder is None or not folder.has(CalibrationRecord):
        return None
    try:
        return folder.load(CalibrationRecord)
    except UserError:
        return None
