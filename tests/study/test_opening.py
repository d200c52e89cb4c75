"""A run's folder describes the run from its beginning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.command_line import study
from workbench.evidence.summary import summarize
from workbench.study.opening import RunOptions, open_run


@pytest.mark.processes
@pytest.mark.parametrize(("searches", "status"), [(True, "searching"), (False, "confirming")])
def test_a_run_tells_before_its_first_trial_whether_it_searches(tmp_path: Path, searches: bool, status: str) -> None:
    options, home = RunOptions(study(tmp_path / "study"), "static", rehearse=True), tmp_path / "home"
    with open_run(options, home=home, run="run", url=None, environ=os.environ, searches=searches) as setting:
        assert summarize(setting.run).status == status
