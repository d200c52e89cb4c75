"""The estimate of a study's time, from earlier runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.run_folder import begin, call
from tests.support.settings import STUDY
from workbench.study.estimate import ASSUMED_SECONDS, estimate


@pytest.mark.parametrize(
    ("name", "rehearsal", "seconds"),
    [("study_one", None, 1.0), ("study_one", "default:0", ASSUMED_SECONDS), ("other", None, ASSUMED_SECONDS)],
    ids=["the study's own run", "a rehearsal", "another study's run"],
)
def test_only_real_runs_of_the_study_tell(tmp_path: Path, name: str, rehearsal: str | None, seconds: float) -> None:
    """Only executions that ended well count. The folder of a run that has not begun does not count."""
    folder = begin(tmp_path, study=name, rehearsal=rehearsal)
    call(folder, ("execute", "a", "ok"))
    (tmp_path / "runs" / "20990101-empty").mkdir()
    estimated = estimate(replace(STUDY, name="study_one"), tmp_path)
    assert (estimated.seconds_each, estimated.measured) == (seconds, seconds != ASSUMED_SECONDS)


def test_calls_that_are_no_good_execution_do_not_count(tmp_path: Path) -> None:
    folder = begin(tmp_path)
    call(folder, ("execute", "a", "timeout"), ("score", "b", "ok"), ("propose", "c", "ok"))
    assert not estimate(replace(STUDY, name="study_one"), tmp_path).measured
