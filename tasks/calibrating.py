"""Calibrate the judge of an opened study with task runs, and keep the result, for two flows: calibrate and optimize."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.logging import get_run_logger
from prefect.task_runners import TaskRunner

from workbench.calibration.calibrations import calibration_of, keep
from workbench.calibration.picture import picture
from workbench.calibration.work import calibration
from workbench.errors import BudgetUsedUp
from workbench.evidence.trust import study_argument
from workbench.run.calibration import CalibrationRecord
from workbench.run.record import RunRecord
from workbench.run.setting import Setting
from workbench.search.ask_kinds import slots
from workbench.search.asks import Asks
from workbench.study.calibrating import prices_of
from workbench.tasks.answering import answer
from workbench.tasks.surroundings import claim


def calibrate_judge(
    setting: Setting, home: Path, runner: TaskRunner[Any], *, probes: bool
) -> tuple[CalibrationRecord, Path]:
    """Calibrate the judge, and return the calibration with the file of its picture.

    Raises:
        BudgetUsedUp: the budget in dollars does not allow the calibration.
    """
    study = setting.study
    work = calibration(setting, prices_of(study, home), probes=probes)
    with Asks(work, slots(study.concurrency), claim=claim(home)) as asks:
        answer(asks, setting.run, runner)
    record = asks.result
    return record, keep(home, setting.judge, study.goals, record, picture(record, study.passing))


def check_judge(setting: Setting, home: Path, runner: TaskRunner[Any]) -> None:
    """Log whether the judge can be trusted, and write its calibration into the run's folder.

    If the study says `calibrate: before_first_run`, a judge without a calibration is calibrated first. If the study's
    budget in dollars does not allow that, the run goes on without a calibration.
    """
    log, study = get_run_logger(), setting.study
    record = calibration_of(home, setting.judge, study.goals)
    if record is None and study.calibrate == "before_first_run":
        log.info("Calibrating the judge first, because it was never calibrated for these gold plans.")
        try:
            record, _ = calibrate_judge(setting, home, runner, probes=False)
        except BudgetUsedUp as error:
            log.warning(f"The judge is not calibrated: {error}")
            return
    if record is not None:
        setting.run.save(record)
        good = not record.faults(study.passing, study.calls)
        (log.info if good else log.warning)(record.sentence(study.passing, study.calls))
    elif not setting.rehearsal:
        command = f"workbench calibrate {study_argument(setting.run.load(RunRecord))}"
        log.warning(f"The judge is not calibrated for these gold plans: `{command}` does that.")
