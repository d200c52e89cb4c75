"""`check` says whether the judge was calibrated, and what a calibration takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.calibration.test_work import fair
from tests.support.command_line import study
from tests.support.flow import Flow
from tests.support.settings import setting
from workbench.calibration.calibrations import keep
from workbench.calibration.design import Prices
from workbench.calibration.work import calibration
from workbench.commands.check import check
from workbench.nouns import Study
from workbench.run.calibration import CalibrationRecord
from workbench.study.calibrating import calibration_estimate, judge_of, note
from workbench.study.opening import RunOptions, load


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def checked(file: Path) -> dict[str, Any]:
    assert check(file, json_file=file.with_name("check.json")) == 0
    value: dict[str, Any] = json.loads(file.with_name("check.json").read_text())["calibration"]
    return value


def calibrated(home: Path, loaded: Study, **changes: object) -> CalibrationRecord:
    """Keep a calibration of the study's judge. `changes` are attributes of the calibration."""
    run = setting(home, goals=loaded.goals)
    record = Flow(score=fair).answer(calibration(run, Prices(0.04, 0.02), probes=False)).model_copy(update=changes)
    keep(home, judge_of(loaded, {}), loaded.goals, record, "<svg/>")
    return record


@pytest.mark.processes
def test_a_judge_that_was_never_calibrated_is_named_with_command_and_price(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The JSON has the numbers. With `before_first_run`, the run does it."""
    file = study(tmp_path / "study", pipeline="pipeline.yaml")
    value = checked(file)
    assert (value["calibrated"], value["good_enough"], value["executions"], value["verdicts"]) == (False, None, 4, 42)
    assert value["dollars"] > 0
    message = " ".join(capsys.readouterr().err.split())
    assert f"the judge is not calibrated for these gold plans: workbench calibrate {file}" in message
    assert "4 executions and 42 verdicts, about $" in message
    assert checked(study(tmp_path / "study", calibrate="before_first_run"))["before_first_run"] is True
    assert "the first run calibrates the judge before it searches: 4 executions" in capsys.readouterr().err


def test_only_a_judge_that_is_not_good_enough_gets_a_note(home: Path, tmp_path: Path) -> None:
    """A calibration holds for its judge and gold plans only."""
    loaded = load(RunOptions(study(tmp_path / "study")))
    good = {"gold": 9.0, "worst": 4.0, "tau": {"dropped": 1.0}, "judge_noise": 0.3}
    calibrated(home, loaded, **good)
    assert note(loaded, home, {}) is None
    calibrated(home, loaded, **{**good, "judge_noise": 2.0})
    assert "is not good enough here: its noise is 2.00 points" in str(note(loaded, home, {}))
    other = load(RunOptions(study(tmp_path / "study", judge={"model": "gemini/gemini-3.8-flash"})))
    assert "is not calibrated" in str(note(other, home, {}))


def test_probes_take_more_verdicts_and_no_executions(tmp_path: Path) -> None:
    loaded = load(RunOptions(study(tmp_path / "study")))
    plain, probed = (calibration_estimate(loaded, tmp_path, probes=probes) for probes in (False, True))
    assert probed.executions == plain.executions
    assert probed.verdicts == plain.verdicts + 38
