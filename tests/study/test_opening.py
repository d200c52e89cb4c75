"""A run's folder describes the run from its beginning."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.command_line import study
from tests.support.run_folder import ended
from workbench.champion.promotion import promote
from workbench.evidence.summary import summarize
from workbench.ledger.database import ledger_name
from workbench.ledger.marks import unmark
from workbench.run.record import PromotedRecord
from workbench.study.opening import RunOptions, champions_of, load, open_run


@pytest.mark.processes
@pytest.mark.parametrize(("searches", "status"), [(True, "searching"), (False, "confirming")])
def test_a_run_tells_before_its_first_trial_whether_it_searches(tmp_path: Path, searches: bool, status: str) -> None:
    options, home = RunOptions(study(tmp_path / "study"), "static", rehearse=True), tmp_path / "home"
    with open_run(options, home=home, run="run", url=None, environ=os.environ, searches=searches) as setting:
        assert summarize(setting.run).status == status


@pytest.mark.processes
def test_the_next_run_marks_the_run_of_a_champion_whose_promotion_was_killed(tmp_path: Path) -> None:
    """With `promote: auto`, nobody repeats the promotion, because the next run begins with the champion."""
    options, home = RunOptions(study(tmp_path / "study"), "static", rehearse=True), tmp_path / "home"
    champions = champions_of(load(options))
    run = ended(home, study="small")
    run.write("candidates/first.md", champions.starting_prompt)
    promote(run, champions)
    (run.path / PromotedRecord.FILE).unlink()
    with open_run(options, home=home, run="next", url=None, environ=os.environ) as setting:
        assert setting.study.champion == 2
    assert run.load(PromotedRecord).number == 2
    # The ledger got this run when it ended. It gets the promotion later.
    (left,) = run.path.glob("uncopied.*")
    assert left.read_text() == ledger_name(home, os.environ)
    unmark(run)

    # A run with a damaged folder cannot be marked.
    (run.path / PromotedRecord.FILE).unlink()
    run.write("run.json", "{")
    with open_run(options, home=home, run="after-that", url=None, environ=os.environ) as setting:
        assert setting.study.champion == 2
