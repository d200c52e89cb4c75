"""A report says whether the judge can be trusted, by the newest calibration of this judge."""

from __future__ import annotations

from pathlib import Path

from tests.support.page import CALIBRATION, calibration
from tests.support.run_folder import begin
from workbench.evidence.record_parts import CalibrationReport
from workbench.evidence.report import markdown, rows
from workbench.evidence.report_record import ReportRecord
from workbench.evidence.summary import Summary, summarize
from workbench.evidence.svg import data_uri
from workbench.run.calibration import PICTURE, CalibrationRecord
from workbench.run.folder import CALIBRATED, RunFolder


def kept(home: Path) -> RunFolder:
    folder = RunFolder(home / CALIBRATED / CALIBRATION)
    folder.path.mkdir(parents=True)
    return folder


def judge_row(summary: Summary) -> str | None:
    return dict(rows(summary)).get("judge")


def test_the_newest_calibration_counts(tmp_path: Path) -> None:
    """The run has a copy of the calibration with which it began. A later calibration is in the judge's own folder."""
    run, folder = begin(tmp_path, calibration=CALIBRATION), kept(tmp_path)
    run.save(calibration(at=1.0))
    assert "and its noise is 0.40 points" in str(judge_row(summarize(run)))
    folder.save(calibration(at=2.0, judge_noise=3.0))
    image = folder.write(PICTURE, "<svg/>")
    summary = summarize(run)
    assert "is not good enough here: its noise is 3.00 points" in str(judge_row(summary))
    report = ReportRecord.of(summary).calibration
    assert report == CalibrationReport(calibrated=True, good_enough=False, picture=image, at=2.0)
    assert f"![Mean scores over the degree of damage]({data_uri('<svg/>')})" in markdown(summary)
    (folder.path / CalibrationRecord.FILE).write_text("{")
    assert "and its noise is 0.40 points" in str(judge_row(summarize(run)))


def test_without_a_calibration_the_command_is_named(tmp_path: Path) -> None:
    """The price is the estimate from the beginning of the run.

    Nothing is said about a scripted judge, or in an old run.
    """
    study = tmp_path / "my study.yaml"
    study.write_text("")
    run = begin(tmp_path, calibration=CALIBRATION, calibration_dollars=0.031, study_file=str(study))
    summary = summarize(run)
    command = f"workbench calibrate '{study}'"
    assert judge_row(summary) == (
        f"The judge is not calibrated. To measure whether it can be trusted, run {command}; that costs about $0.0310."
    )
    assert ReportRecord.of(summary).calibration == CalibrationReport(calibrated=False, command=command, dollars=0.031)
    assert "## Whether the judge can be trusted" in markdown(summary)
    for changes in ({"rehearsal": "default:0", "calibration": CALIBRATION}, {}):
        other = summarize(begin(tmp_path, **changes))
        assert (judge_row(other), ReportRecord.of(other).calibration) == (None, None)
        assert "Whether the judge can be trusted" not in markdown(other)
