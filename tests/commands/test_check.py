"""`workbench check` refuses what a run could not use."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import study
from workbench.commands.check import check
from workbench.errors import UserError


def test_a_storage_of_answers_that_cannot_be_used_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RESULTS", "/srv/results")
    with pytest.raises(UserError, match="WORKBENCH_RESULTS=/srv/results is no bucket"):
        check(study(tmp_path))
