"""`workbench show` shows old runs, too, and names files that it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.old_run import OLD_RUN, old_run


def test_an_old_run_is_shown(line: CommandLine) -> None:
    """It is shown as a table, and as JSON with every key of its time."""
    old_run(line.home)
    ended = line.call("show", "--json", line.home / "report.json")
    assert (ended.exit_code, "The new prompt scores 8.20" in ended.stdout) == (0, True), ended.stderr
    then = json.loads((OLD_RUN / "report.json").read_text())
    newer = {"schema", "real_in_rehearsal", "cost", "leaks", "used_up", "criteria", "lengths", "judge", "race"}
    newer |= {"calibration", "sentence"}
    assert line.report().keys() - then.keys() == newer
    assert not then.keys() - line.report().keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [('{"schema": 9}', "has schema 9; expected at most 1"), ("{", "is no JSON"), ("{}", "does not fit its format")],
)
def test_a_folder_that_cannot_be_read_is_the_users_to_mend(line: CommandLine, content: str, words: str) -> None:
    """The exit code is 2. The message names the file and says what to do."""
    folder: Path = old_run(line.home).path
    (folder / "run.json").write_text(content)
    ended = line.call("show")
    assert (ended.exit_code, words in ended.stderr, "Traceback" in ended.stderr) == (2, True, False), ended.stderr
